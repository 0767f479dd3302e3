//! Files, whose they are, and what becomes of them.

use super::*;

/// reference/api.md, `GET /files/{blobId}`: "the bytes". They are written with the task that names them.
#[test]
fn a_files_bytes_are_there_with_the_task_that_names_them_and_not_without() {
    use crate::model::{FieldId, FieldValue, FileEntry};
    on_every_store(async |open, folder| {
        let store = open(folder);
        let kept = Blob::new(vec![0, 159, 146, 150], "image/png".into());
        let lost = Blob::new(&b"lost"[..], "text/plain".into());
        let with_file = |mut task: Task, blob: &Blob| -> Decide {
            let file = FileEntry { blob: blob.id, filename: "a.png".into(), content_type: "image/x".into() };
            task.values.insert(FieldId::new("files"), FieldValue::Files(vec![file]));
            let (task, blobs) = (Some(task), vec![blob.clone()]);
            Box::new(|_| Ok(Change { task, blobs, ..Change::default() }))
        };
        let new = || TaskKey::New { workflow: WorkflowId::new("api-sample") };
        // In one group; the second has the first one's Unique ID.
        let duplicate = Task { unique_id: Some("T1".into()), ..task(2) };
        let results = join_all([
            store.transact(new(), None, with_file(task(1), &kept)),
            store.transact(new(), None, with_file(duplicate, &lost)),
        ])
        .await;
        assert!(results[0].is_ok() && matches!(results[1], Err(StoreError::Database(_))));
        store.close().await.expect("closed");
        drop(store);
        let store = open(folder);
        let workflows = async |id| store.blob_workflows(id).await.expect("an answer");
        assert_eq!(workflows(kept.id).await, [WorkflowId::new("api-sample")]);
        assert_eq!(workflows(lost.id).await, []);
        assert_eq!(store.blob(kept.id).await.expect("an answer"), Some(kept.clone()));
        assert_eq!(store.blob(lost.id).await.expect("an answer"), None);
        // The same bytes again, said to be something else, are the same blob.
        let again = Blob { content_type: "text/html".into(), ..kept.clone() };
        let elsewhere = Task { workflow: WorkflowId::new("elsewhere"), ..task(3) };
        let key = TaskKey::New { workflow: elsewhere.workflow.clone() };
        store.transact(key, None, with_file(elsewhere, &again)).await.expect("written");
        assert_eq!(workflows(kept.id).await, ["api-sample", "elsewhere"].map(WorkflowId::new));
        assert_eq!(store.blob(kept.id).await.expect("an answer"), Some(kept));
        let found = store.task(by_unique_id("T1")).await.expect("an answer").expect("the task");
        assert_eq!(found.value(&FieldId::new("files")).to_text(), "a.png");
        // A deleted task's files are nobody's; the same ones of another task are still that one's.
        let deleted = |id: u128| {
            let decide: Decide = Box::new(|_| Ok(Change { deletes_task: true, ..Change::default() }));
            store.transact(TaskKey::Id(TaskId::from_u128(id)), None, decide)
        };
        let (twin, bytes) = (task(4), Blob::new(vec![0, 159, 146, 150], "image/png".into()));
        store
            .transact(new(), None, with_file(Task { unique_id: Some("T4".into()), ..twin }, &bytes))
            .await
            .expect("written");
        deleted(1).await.expect("deleted");
        assert_eq!(workflows(bytes.id).await, ["api-sample", "elsewhere"].map(WorkflowId::new));
        deleted(4).await.expect("deleted");
        assert_eq!(workflows(bytes.id).await, [WorkflowId::new("elsewhere")]);
    });
}
