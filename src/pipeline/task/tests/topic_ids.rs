//! Ids of topics: in the heads of checkpoints, at a restart and while the process runs.

use super::cuts::apply;
use super::*;
use crate::source::TopicIds;

const START: &str = "2026-09-22T12:00:00Z";

/// Ids of the topics as brokers report them.
fn ids(id: Option<&str>) -> TopicIds {
    PerStream::from_fn(|stream| id.filter(|_| stream == Stream::Milestone).map(str::to_owned))
}

/// An answer to a question that is asked now.
fn answer(rig: &Rig, id: Option<&str>) -> WorkerMessage {
    topics(&rig.clock, Some(1), ids(id))
}

/// A task with these checkpoints whose topic has this id, or the reason why it does not start.
fn started(store: &CheckpointStore, id: Option<&str>) -> Result<Rig, Failure> {
    let mut rig = Rig::on(store.clone(), 1, START, &["checkpoint.max_interval=1s"]);
    let inventory = LogInventory { topic_ids: ids(id), ..inventory(&rig.partitions) };
    rig.task.worker.take(WorkerMessage::LogsFound(inventory))?;
    Ok(rig)
}

/// Topic ids in the heads of the checkpoints that the task saves, up to its end.
fn saved(rig: Rig) -> Vec<Option<String>> {
    heads(rig).into_iter().map(|head| head.topic_id).collect()
}

/// Heads of the checkpoints that the task saves with a batch of the first partition, up to its end.
pub(super) fn heads(rig: Rig) -> Vec<Head> {
    let letters = rig.letters.clone();
    let done = Arc::clone(&rig.letters.0);
    let messages = rig.batches(1);
    // The checkpoint thread of these tests works only while somebody looks.
    let looking = std::thread::spawn(move || {
        while Arc::strong_count(&done) > 2 {
            done.lock().unwrap_or_else(PoisonError::into_inner).look();
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    rig.run(messages, Shutdown::default()).unwrap();
    looking.join().unwrap();
    letters.observe(|seen| seen.checkpoints.iter().map(|(_, head)| head.clone()).collect())
}

fn store() -> CheckpointStore {
    CheckpointStore::new(Arc::new(MemoryDisk::default()))
}

#[test]
fn a_checkpoint_names_the_topic_that_it_is_of() {
    let store = store();
    let heads = saved(started(&store, Some("old")).unwrap());
    assert!(!heads.is_empty() && heads.iter().all(|id| id.as_deref() == Some("old")), "{heads:?}");
    let refused = started(&store, Some("new")).err().expect("the topic is another one");
    assert_eq!(refused.exit, Exit::StateUnusable);
    assert!(refused.message.contains("deleted and created again"), "{}", refused.message);
    started(&store, Some("old")).unwrap();
}

#[test]
fn an_id_that_is_not_reported_stays_that_of_the_checkpoint() {
    let store = store();
    saved(started(&store, Some("old")).unwrap());
    let mut rig = started(&store, None).unwrap();
    rig.task.worker.take(answer(&rig, Some("old"))).unwrap();
    let failed = rig.task.worker.take(answer(&rig, Some("new")));
    assert_eq!(failed.map_err(|failure| failure.exit), Err(Exit::TryAgain));
}

#[test]
fn a_topic_recreated_at_run_time_ends_the_task_unsaved() {
    let rig = started(&store(), Some("old")).unwrap();
    let letters = rig.letters.clone();
    let (send, reports) = async_mpsc::channel(3);
    for id in [Some("old"), None, Some("new")] {
        send.try_send(answer(&rig, id)).ok().unwrap();
    }
    let messages = rig.batches(1);
    let failure = rig.run_with_reports(messages, reports, Shutdown::default()).unwrap_err();
    assert_eq!(failure.exit, Exit::TryAgain);
    assert!(failure.message.contains("topic milestone was deleted and created again"), "{}", failure.message);
    letters.observe(|seen| {
        seen.look();
        assert!(seen.checkpoints.is_empty() && seen.commits.is_empty() && seen.cuts.is_empty());
    });
}

#[test]
fn an_id_unknown_at_the_start_is_compared_once_reported() {
    let mut rig = started(&store(), None).unwrap();
    for id in [None, Some("new"), None, Some("new")] {
        rig.task.worker.take(answer(&rig, id)).unwrap();
    }
    let failed = rig.task.worker.take(answer(&rig, Some("newer")));
    assert_eq!(failed.map_err(|failure| failure.exit), Err(Exit::TryAgain));
}

/// The state may be of the topic before.
#[test]
fn an_id_unknown_at_the_start_is_not_that_of_a_checkpoint() {
    let store = store();
    let mut rig = started(&store, None).unwrap();
    rig.task.worker.take(answer(&rig, Some("new"))).unwrap();
    let heads = saved(rig);
    assert!(!heads.is_empty() && heads.iter().all(Option::is_none), "{heads:?}");
}

#[test]
fn a_cut_waits_for_ids_that_were_asked_for_after_it() {
    let mut rig = started(&store(), Some("old")).unwrap();
    let requested = |rig: &Rig| {
        rig.letters.observe(Observer::look);
        rig.letters.observe(|seen| seen.cuts.len())
    };
    let mut batches = rig.batches(1);
    rig.start += DAY;
    batches.extend(rig.batches(2).pop());
    let before = answer(&rig, Some("old"));
    apply(&mut rig.task.worker, batches);
    assert_eq!(requested(&rig), 0, "the records may be of another topic");
    rig.clock.advance(1_000, 0);
    rig.task.worker.take(before).unwrap();
    assert_eq!(requested(&rig), 0, "the answer is about the time before");
    rig.clock.advance(1_000, 0);
    rig.task.worker.take(answer(&rig, None)).unwrap();
    assert_eq!(requested(&rig), 0, "the answer lacks the id");
    rig.task.worker.take(topics(&rig.clock, None, ids(Some("old")))).unwrap();
    assert_eq!(requested(&rig), 0, "the answer lacks the number of partitions");
    rig.task.worker.take(answer(&rig, Some("old"))).unwrap();
    assert_eq!(requested(&rig), 1);
    assert!(rig.task.worker.take(answer(&rig, Some("new"))).is_err());
}
