//! The attacks, by name.

use std::io;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::connection::Target;
use super::{answers, callers, crowds, floods, kept, plans, streams};

/// How long an attacker waits until it connects again, when its connection was closed.
const PAUSE: Duration = Duration::from_millis(10);
/// Connections at most of the load that an attack is compared with: all of them get a connection.
const CONNECTIONS: usize = 256;
/// Calls at the same time on each connection of a crowd.
const CROWD_STREAMS: usize = 32;
/// Streams of one connection at most.
const STREAMS: usize = countersign::transport::STREAMS as usize;

/// An attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Attack {
    /// Bodies of Health/Check that never end
    EndlessBodies,
    /// Messages that claim a length and never come, with and without tokens
    ClaimedLengths,
    /// Large messages of a caller that arrive but for their end
    UnfinishedBodies,
    /// Connections that send nothing
    SilentConnections,
    /// Connections that ask for nothing but one Health/Check, and answer PINGs
    PoliteStrangers,
    /// Streams of headers without a body, with tokens
    HeadersOnly,
    /// Answers that are never read
    UnreadAnswers,
    /// ListDevices with as many unknown enum values as a message holds
    UnknownEnums,
    /// Streams of Health/Watch
    Watches,
    /// Streams that are reset at once (CVE-2023-44487)
    RapidReset,
    /// The same with whole calls of a caller
    CallerResets,
    /// The same with hundreds of fields of metadata
    FieldResets,
    /// The smallest frames that mean nothing
    EmptyFrames,
    /// Headers that go on without an end (CVE-2024-27316)
    ContinuationFlood,
    /// Hundreds of small fields of metadata, after which nothing comes
    UnendedHeaders,
    /// A field of metadata whose value never ends, after one call
    UnendedValues,
    /// Paths to keep for later requests, each in a buffer of its own, with and without the acknowledgement of SETTINGS
    KeptPaths,
    /// Empty calls on more connections than there may be
    Crowd,
    /// PINGs whose answers are not read (CVE-2019-9512)
    PingFlood,
    /// SETTINGS whose answers are not read (CVE-2019-9515)
    SettingsFlood,
    /// Messages that are a thousand times as large when they are unpacked
    GzipBomb,
    /// Evaluate of 16 requirements whose plans take as long to search as one call may
    HeavyPlans,
    /// Explained decisions on much evidence whose answers are not read
    UnreadExplanations,
    /// Pages of much evidence that are not read
    UnreadEvidence,
    /// Server reflection whose answers are not read
    UnreadReflection,
    /// Refusals with as many reasons as there may be, which are not read
    UnreadRefusals,
    /// Connections of a caller, more than there may be, with one call each
    CallerConnections,
    /// Changes of a caller, on connections that are reset at once
    ChangesGivenUp,
    /// Changes of one subject, as many at a time as the server takes
    OneSubject,
    /// As much as connections of strangers and of a caller may hold at the same time
    EverythingKept,
}

impl Attack {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> String {
        clap::ValueEnum::to_possible_value(&self)
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// How many connections it uses at the same time.
    #[must_use]
    pub fn connections(self) -> usize {
        match self {
            Self::SilentConnections | Self::PoliteStrangers => 1_100,
            Self::UnendedHeaders
            | Self::UnendedValues
            | Self::KeptPaths
            | Self::Crowd
            | Self::CallerConnections
            | Self::EverythingKept => 600,
            Self::UnreadAnswers | Self::UnreadRefusals => 240,
            Self::Watches => 24,
            Self::HeadersOnly | Self::UnreadReflection => 12,
            Self::EndlessBodies => 12,
            Self::CallerResets | Self::EmptyFrames => 16,
            Self::ClaimedLengths
            | Self::UnfinishedBodies
            | Self::UnknownEnums
            | Self::GzipBomb
            | Self::FieldResets
            | Self::ChangesGivenUp => 8,
            // 192 calls at a time, so that some always wait for their turn to plan.
            Self::HeavyPlans | Self::UnreadExplanations | Self::UnreadEvidence | Self::OneSubject => 3,
            Self::RapidReset | Self::ContinuationFlood | Self::PingFlood | Self::SettingsFlood => 4,
        }
    }

    /// Whether the server must close its connections.
    pub(super) fn is_cut_off(self) -> bool {
        matches!(self, Self::RapidReset | Self::CallerResets)
    }

    /// How many empty calls are made at the same time on each connection of the load that it is compared with: as many
    /// as it has streams, or as the server lets it have.
    fn streams(self) -> usize {
        match self {
            Self::SilentConnections
            | Self::PoliteStrangers
            | Self::CallerConnections
            | Self::UnknownEnums
            | Self::GzipBomb => 1,
            // On that many connections the server lets each have few.
            Self::UnreadAnswers
            | Self::UnreadRefusals
            | Self::UnendedHeaders
            | Self::UnendedValues
            | Self::KeptPaths
            | Self::EverythingKept => 8,
            Self::Crowd => CROWD_STREAMS,
            _ => STREAMS,
        }
    }

    /// Attacks until the set is dropped.
    pub(super) fn begin(self, target: &Target) -> JoinSet<()> {
        let mut attackers = JoinSet::new();
        for number in 0..self.connections() {
            let target = target.clone();
            attackers.spawn(async move {
                loop {
                    // An attacker whose connection was closed connects again.
                    let _ = self.connect(&target, number).await;
                    sleep(PAUSE).await;
                }
            });
        }
        attackers
    }

    /// One connection, until it ends.
    async fn connect(self, target: &Target, number: usize) -> io::Result<()> {
        match self {
            Self::EndlessBodies => streams::endless_bodies(target, number).await,
            Self::ClaimedLengths => streams::claimed_lengths(target).await,
            Self::UnfinishedBodies => streams::unfinished_bodies(target).await,
            Self::SilentConnections => crowds::silent(target).await,
            Self::PoliteStrangers => crowds::polite(target).await,
            Self::HeadersOnly => streams::headers_only(target).await,
            Self::UnreadAnswers => streams::unread_answers(target, number).await,
            Self::UnknownEnums => streams::unknown_enums(target, number).await,
            Self::Watches => streams::watches(target).await,
            Self::RapidReset => floods::rapid_reset(target).await,
            Self::CallerResets => floods::caller_resets(target).await,
            Self::FieldResets => floods::field_resets(target).await,
            Self::EmptyFrames => floods::empty_frames(target, number).await,
            Self::ContinuationFlood => floods::continuations(target).await,
            Self::UnendedHeaders => kept::unended_headers(target).await,
            Self::UnendedValues => kept::unended_values(target).await,
            Self::KeptPaths => kept::paths(target, number).await,
            Self::Crowd => crowds::ordinary(target, CROWD_STREAMS).await,
            Self::PingFlood => floods::pings(target).await,
            Self::SettingsFlood => floods::settings(target).await,
            Self::GzipBomb => streams::gzip_bomb(target).await,
            Self::HeavyPlans => plans::heavy(target).await,
            Self::UnreadExplanations => answers::explanations(target, number).await,
            Self::UnreadEvidence => answers::evidence_pages(target, number).await,
            Self::UnreadReflection => answers::reflection(target).await,
            Self::UnreadRefusals => answers::refusals(target).await,
            Self::CallerConnections => callers::connections(target).await,
            Self::ChangesGivenUp => callers::given_up(target, number).await,
            Self::OneSubject => callers::one_subject(target).await,
            Self::EverythingKept => callers::everything(target, number).await,
        }
    }
}

/// The load that an attack is compared with: empty calls on as many connections, and as many at the same time.
pub(super) fn ordinary(attack: Attack, target: &Target) -> JoinSet<()> {
    let mut callers = JoinSet::new();
    // A crowd is compared with itself: it is nothing but empty calls.
    let most = if attack == Attack::Crowd { usize::MAX } else { CONNECTIONS };
    for _ in 0..attack.connections().min(most) {
        let target = target.clone();
        callers.spawn(async move {
            loop {
                // The server may close it when there are too many.
                let _ = crowds::ordinary(&target, attack.streams()).await;
                sleep(PAUSE).await;
            }
        });
    }
    callers
}
