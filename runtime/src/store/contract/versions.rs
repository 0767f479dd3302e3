//! Versions of workflows.

use serde_json::json;

use super::*;
use crate::store::{NewVersion, VersionNote};

/// A version that came from a file.
pub(super) fn version(after: u32, source: &str) -> NewVersion {
    let (workflow, source) = (WorkflowId::new("api-sample"), source.to_owned());
    NewVersion { workflow, after, source, at: sample::now(), by: None, restores: None }
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
        let of = async |before, most| {
            store.versions(WorkflowId::new("api-sample"), before, most).await.expect("an answer")
        };
        assert_eq!(of(None, 9).await, [note(2, by.clone()), note(1, None)]);
        assert_eq!(of(None, 1).await, [note(2, by)]);
        assert_eq!(of(Some(2), 9).await, [note(1, None)]);
        assert_eq!(of(Some(1), 9).await, []);
        let one = store.version(WorkflowId::new("api-sample"), 1).await.expect("an answer");
        assert_eq!(one.expect("the first").source, "one");
    });
}

/// Who has saved what is in the audit log, with the version itself or not at all; what came from a file has its file.
#[test]
fn a_version_that_somebody_saves_has_its_entry_in_the_audit_log() {
    on_every_store(async |open, folder| {
        let store = open(folder);
        let by = Some(sample::performer());
        for new in [
            NewVersion { by: by.clone(), ..version(0, "one") },
            NewVersion { by: by.clone(), ..version(1, "two") },
            NewVersion { by: by.clone(), restores: Some(1), ..version(2, "one") },
            version(3, "of a file"),
        ] {
            store.publish(new).await.expect("published");
        }
        let late = NewVersion { by: by.clone(), ..version(1, "late") };
        assert!(store.publish(late).await.is_err());
        let log = store.audit(None, 10).await.expect("an answer");
        let said: Vec<_> = log.iter().rev().map(|it| (it.change.as_str(), it.detail.clone())).collect();
        assert_eq!(
            said,
            [
                ("workflow.imported", json!({"version": 1})),
                ("workflow.saved", json!({"version": 2, "made_from": 1})),
                ("workflow.restored", json!({"version": 3, "made_from": 2, "restores": 1})),
            ]
        );
        assert!(log.iter().all(|it| it.about == "api-sample" && Some(&it.performer) == by.as_ref()));
    });
}
