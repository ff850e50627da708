use super::*;
use crate::domain::device::Sealed;
use crate::domain::ids::{DeviceName, Subject, Tenant};
use crate::domain::kind::Kind;

fn device(number: u32, version: i64) -> Device {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    Device {
        id: DeviceId::from_entropy(id),
        tenant: Tenant::trusted("default"),
        subject: Subject::trusted("alice"),
        kind: Kind::named("hotp"),
        name: DeviceName::trusted("token"),
        state: State::Active,
        preferred: false,
        detail: Detail::stored(version.to_string()),
        secret: Sealed::default(),
        version,
        epoch: 0,
        failures: Failures::default(),
        created_at: Moment::from_secs(0),
        confirmed_at: None,
        used_at: None,
        expires_at: None,
    }
}

impl Memory {
    fn version(&self, number: u32, before: Mark) -> Option<i64> {
        self.known(&device(number, 0).id, before).map(|known| known.version)
    }

    fn mark(&self) -> Mark {
        Mark(self.now)
    }
}

#[test]
fn only_what_was_known_before_a_reading_is_held_against_it() {
    let mut memory = Memory::default();
    memory.learn(&device(1, 5));
    let before = memory.mark();
    assert_eq!(memory.version(1, before), Some(5));
    memory.learn(&device(1, 6));
    assert_eq!(memory.version(1, before), None);
    assert_eq!(memory.version(1, memory.mark()), Some(6));
}

#[test]
fn an_overtaken_reading_and_the_same_again_change_nothing() {
    let mut memory = Memory::default();
    memory.learn(&device(1, 6));
    let mark = memory.mark();
    memory.learn(&device(1, 5));
    memory.learn(&device(1, 6));
    assert_eq!(memory.version(1, mark), Some(6));
    memory.forget(&device(1, 0).id);
    assert_eq!(memory.version(1, memory.mark()), None);
}

#[test]
fn the_memory_is_bounded_and_what_is_used_stays() {
    let mut memory = Memory::default();
    let generation = u32::try_from(GENERATION).unwrap();
    for number in 0..10 * generation {
        memory.learn(&device(number, 1));
        memory.learn(&device(0, 7));
    }
    assert!(memory.young.len() + memory.old.len() <= 2 * GENERATION);
    assert_eq!(memory.version(0, memory.mark()), Some(7));
    assert_eq!(memory.version(10 * generation - 1, memory.mark()), Some(1));
    assert_eq!(memory.version(1, memory.mark()), None);
}
