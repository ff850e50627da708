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
    /// Whether its answer is a stream that has no end of its own.
    pub is_stream: bool,
}

impl Row {
    const fn unary(path: &'static str, rule: Rule) -> Self {
        Self { path, rule, is_stream: false }
    }

    const fn stream(path: &'static str, rule: Rule) -> Self {
        Self { path, rule, is_stream: true }
    }
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
                Row::unary(
                    concat!("/countersign.v1.", $service, "/", stringify!($rpc)),
                    Rule::Needs(Role::$role),
                ),
            )*)*
            Row::unary("/grpc.health.v1.Health/Check", Rule::Open),
            Row::stream("/grpc.health.v1.Health/Watch", Rule::Open),
            Row::stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Rule::Known),
            Row::stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Rule::Known),
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

/// The row of the RPC at that path. `None`: there is none, and so nobody may call it.
#[must_use]
pub fn row(path: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.path == path)
}
