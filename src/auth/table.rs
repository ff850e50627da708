//! The authorization table: one row for each RPC.

use super::role::Role;

/// Who may call an RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Anybody, known or not.
    Open,
    /// Any caller that is known.
    Known,
    /// A caller with that role.
    Needs(Role),
}

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The path of the RPC: `/package.Service/Method`.
    pub path: &'static str,
    /// Who may call it.
    pub rule: Rule,
}

/// An RPC of this API, as a type.
pub trait Rpc {
    /// The role that it needs.
    const ROLE: Role;
}

macro_rules! table {
    ($($service:literal { $($rpc:ident: $role:ident,)* })*) => {
        /// The RPCs of this API, as types.
        pub mod rpc {
            $($(
                #[doc = concat!("`", $service, "/", stringify!($rpc), "`.")]
                pub enum $rpc {}
            )*)*
        }

        $($(
            impl Rpc for rpc::$rpc {
                const ROLE: Role = Role::$role;
            }
        )*)*

        const TABLE: &[Row] = &[
            $($(
                Row {
                    path: concat!("/countersign.v1.", $service, "/", stringify!($rpc)),
                    rule: Rule::Needs(Role::$role),
                },
            )*)*
            Row { path: "/grpc.health.v1.Health/Check", rule: Rule::Open },
            Row { path: "/grpc.health.v1.Health/Watch", rule: Rule::Open },
            Row { path: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", rule: Rule::Known },
            Row {
                path: "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                rule: Rule::Known,
            },
        ];
    };
}

table! {
    "AssuranceService" {
        Evaluate: Verify,
        RecordEvidence: Assert,
        ListEvidence: Verify,
        RevokeEvidence: Verify,
        RememberClient: Verify,
        ListClients: Verify,
        ForgetClients: Verify,
        ListRequirements: Verify,
    }
    "DeviceService" {
        EnrollDevice: Manage,
        ConfirmDevice: Manage,
        GetDevice: Verify,
        ListDevices: Verify,
        UpdateDevice: Manage,
        DeleteDevice: Manage,
        ResyncDevice: Manage,
        UnlockDevice: Admin,
        IssueRecoveryCodes: Manage,
    }
    "SubjectService" {
        GetSubject: Verify,
        UnlockSubject: Admin,
    }
    "VerificationService" {
        Verify: Verify,
    }
}

/// Every row.
#[must_use]
pub fn rows() -> &'static [Row] {
    TABLE
}

/// Who may call the RPC at that path. `None`: nobody, since there is no such row.
#[must_use]
pub fn rule(path: &str) -> Option<Rule> {
    TABLE.iter().find(|row| row.path == path).map(|row| row.rule)
}
