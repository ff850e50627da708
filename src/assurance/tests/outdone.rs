//! Evidence that a newer piece outdoes decides nothing: with and without it, decisions are the same.

use proptest::prelude::*;

use super::texts::{requirement, texts};
use super::worlds::{World, numbered, worlds};
use crate::assurance::decide::decide;
use crate::domain::decision::Decision;
use crate::domain::evidence::Evidence;
use crate::domain::moment::Moment;

/// What the store deletes where it writes `new`: alike in all but the times, not used up or revoked, older, and not
/// longer lasting.
fn outdoes(new: &Evidence, old: &Evidence) -> bool {
    let alike = Evidence {
        id: new.id.clone(),
        verified_at: new.verified_at,
        expires_at: new.expires_at,
        ..old.clone()
    };
    alike == *new
        && !new.used_up
        && !new.revoked
        && old.verified_at < new.verified_at
        && old.expires_at <= new.expires_at
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_outdone_decides_nothing(
        text in texts(5),
        world in worlds(4, 4),
        more in proptest::collection::vec((any::<prop::sample::Index>(), -20..5_i64, -20..20_i64), 0..6),
    ) {
        let requirement = requirement(&text);
        let mut evidence = world.evidence.clone();
        for (like, older, longer) in more {
            if let Some(like) = evidence.get(like.index(evidence.len().max(1))).cloned() {
                evidence.push(Evidence {
                    verified_at: Moment::from_micros(like.verified_at.micros() + older * 60_000_000),
                    expires_at: Moment::from_micros(like.expires_at.micros() + longer * 60_000_000),
                    ..like
                });
            }
        }
        let all = World { evidence: numbered(evidence), ..world };
        let ahead = |one: &Evidence| one.verified_at > super::worlds::NOW;
        // Nothing is written ahead of the clock.
        let all = World { evidence: all.evidence.iter().filter(|one| !ahead(one)).cloned().collect(), ..all };
        let kept = |one: &&Evidence| !all.evidence.iter().any(|new| outdoes(new, one));
        let few = World { evidence: all.evidence.iter().filter(kept).cloned().collect(), ..all.clone() };
        match (decide(&requirement, &all.situation()), decide(&requirement, &few.situation())) {
            (Decision::Satisfied(all), Decision::Satisfied(few)) => {
                prop_assert_eq!(all.valid_until, few.valid_until);
            }
            (all, few) => prop_assert_eq!(all, few),
        }
    }
}
