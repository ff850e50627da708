//! Commits that wait for one lane. Callers take turns, so that a caller with many commits does not make others wait for
//! more than one of them.

use std::collections::{HashSet, VecDeque};

use super::job::Job;
use crate::domain::ids::CallerName;

/// The commits of each caller that has some, oldest first. The caller whose turn is next comes first.
#[derive(Default)]
pub(super) struct Waiting(VecDeque<(CallerName, VecDeque<Job>)>);

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a commit behind those of its caller.
    pub(super) fn push(&mut self, job: Job) {
        match self.0.iter_mut().find(|(caller, _)| *caller == job.commit.caller) {
            Some((_, jobs)) => jobs.push_back(job),
            None => self.0.push_back((job.commit.caller.clone(), VecDeque::from([job]))),
        }
    }

    /// Takes out up to so many commits to be written together, of each subject one at most: a second one would be written
    /// over the same version. Commits that were withdrawn are dropped.
    pub(super) fn group(&mut self, most: usize) -> Vec<Job> {
        let (mut group, mut subjects) = (Vec::new(), HashSet::new());
        // Callers in a row whose commits are all of subjects that the group has.
        let mut passed = 0;
        while group.len() < most
            && passed < self.0.len()
            && let Some((caller, mut jobs)) = self.0.pop_front()
        {
            let key = |job: &Job| (job.commit.tenant.clone(), job.commit.subject.clone());
            let next = jobs.iter().position(|job| !subjects.contains(&key(job)));
            match next.and_then(|next| jobs.remove(next)) {
                Some(job) => {
                    passed = 0;
                    if job.begin() {
                        subjects.insert(key(&job));
                        group.push(job);
                    }
                }
                None => passed += 1,
            }
            if !jobs.is_empty() {
                self.0.push_back((caller, jobs));
            }
        }
        group
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::commit::Commit;
    use super::super::job::{Claim, Line, Withdrawal};
    use super::*;
    use crate::domain::event::{Event, What};
    use crate::domain::ids::{Subject, Tenant};
    use crate::domain::moment::Moment;

    /// A commit of a subject by a caller.
    fn job(caller: &'static str, subject: &str, claim: Option<Claim>) -> Job {
        let (caller, subject) = (CallerName::trusted(caller), Subject::parse(subject).unwrap());
        let tenant = Tenant::trusted("default");
        let event = Event::about(&tenant, &subject, What::DeviceUpdated, &caller, Moment::from_secs(0));
        let (under_way, _) = Arc::<Line>::default().join(&caller, &Arc::new(1.into()));
        Job::new(Commit::new(event), under_way, None, claim).0
    }

    fn waiting(jobs: impl IntoIterator<Item = (&'static str, &'static str)>) -> Waiting {
        let mut waiting = Waiting::default();
        jobs.into_iter().for_each(|(caller, subject)| waiting.push(job(caller, subject, None)));
        waiting
    }

    fn subjects(group: &[Job]) -> Vec<&str> {
        group.iter().map(|job| job.commit.subject.as_str()).collect()
    }

    #[test]
    fn callers_take_turns_over_several_groups() {
        let mut waiting = waiting([("a", "1"), ("a", "2"), ("a", "3"), ("a", "4"), ("b", "5"), ("b", "6")]);
        assert_eq!(subjects(&waiting.group(3)), ["1", "5", "2"]);
        waiting.push(job("c", "7", None));
        assert_eq!(subjects(&waiting.group(64)), ["6", "3", "7", "4"]);
        assert!(waiting.is_empty() && waiting.group(64).is_empty());
    }

    #[test]
    fn a_subject_is_once_in_a_group_and_its_commits_keep_their_order() {
        let mut waiting = waiting([("a", "1"), ("a", "1"), ("a", "2"), ("b", "1"), ("b", "3")]);
        assert_eq!(subjects(&waiting.group(64)), ["1", "3", "2"]);
        assert_eq!(subjects(&waiting.group(64)), ["1"]);
        assert_eq!(subjects(&waiting.group(64)), ["1"]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn withdrawn_commits_take_no_place_in_a_group_and_begun_ones_stay() {
        let claims: Vec<Claim> = (0..3).map(|_| Claim::default()).collect();
        let mut waiting = Waiting::default();
        for claim in &claims {
            waiting.push(job("a", "1", Some(claim.clone())));
        }
        drop(Withdrawal(claims[0].clone()));
        assert_eq!(subjects(&waiting.group(1)), ["1"]);
        assert!(!claims[1].take() && claims[2].take(), "the group has the first one that was not withdrawn");
        assert!(waiting.group(1).is_empty() && waiting.is_empty());
    }
}
