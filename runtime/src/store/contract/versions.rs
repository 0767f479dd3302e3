//! Versions of workflows.

use super::*;
use crate::store::{NewVersion, VersionNote};

/// A version that came from a file.
pub(super) fn version(after: u32, source: &str) -> NewVersion {
    let (workflow, source) = (WorkflowId::new("api-sample"), source.to_owned());
    NewVersion { workflow, after, source, at: sample::now(), by: None }
}

/// "Versioned: each save makes a new immutable version."
#[test]
fn a_version_comes_after_the_one_it_was_made_from_or_not_at_all() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let by = Some(sample::performer());
        assert_eq!(store.publish(version(0, "one")).await.expect("published"), 1);
        let revision = store.workspace_revision().await.expect("an answer");
        for after in [0, 2] {
            let refused = store.publish(version(after, "another")).await.expect_err("refused");
            assert!(matches!(refused, StoreError::Outdated { latest: 1, .. }), "{refused}");
        }
        assert_eq!(store.workspace_revision().await.expect("an answer"), revision);
        let second = NewVersion { by: by.clone(), ..version(1, "two") };
        assert_eq!(store.publish(second).await.expect("published"), 2);
        let elsewhere = NewVersion { workflow: WorkflowId::new("elsewhere"), ..version(0, "three") };
        assert_eq!(store.publish(elsewhere).await.expect("published"), 1);
        let store = {
            store.close().await.expect("closed");
            drop(store);
            open(folder)
        };
        let note = |version, by| VersionNote { version, at: sample::now(), by };
        let of =
            async |before| store.versions(WorkflowId::new("api-sample"), before).await.expect("an answer");
        assert_eq!(of(None).await, [note(2, by), note(1, None)]);
        assert_eq!(of(Some(2)).await, [note(1, None)]);
        assert_eq!(of(Some(1)).await, []);
        let one = store.version(WorkflowId::new("api-sample"), 1).await.expect("an answer");
        assert_eq!(one.expect("the first").source, "one");
    });
}
