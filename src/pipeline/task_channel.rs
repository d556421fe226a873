//! The poll thread's end of the channel to the task, with a wait that does not stop the thread's other work.

use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;

use super::message::{TaskGone, WorkerMessage};
use crate::runtime::{Failure, ThreadRuntime};

/// Time for which the thread waits for room before it looks at its other work.
pub(super) const WAIT: Duration = Duration::from_millis(20);

/// Sends messages to the task.
pub(super) struct TaskChannel {
    messages: Sender<WorkerMessage>,
    /// Serves the wait, which std has not.
    runtime: ThreadRuntime,
}

impl TaskChannel {
    /// Wraps the sender.
    ///
    /// # Errors
    /// Returns an error if the runtime of the wait cannot be created.
    pub(super) fn new(messages: Sender<WorkerMessage>) -> Result<Self, Failure> {
        Ok(Self { messages, runtime: ThreadRuntime::new("the poll thread")? })
    }

    /// Sends a message. Calls `meanwhile` every [`WAIT`] while there is no room.
    pub(super) fn send(&self, message: WorkerMessage, mut meanwhile: impl FnMut()) -> Result<(), TaskGone> {
        let permit = match self.messages.try_reserve() {
            Ok(permit) => permit,
            Err(TrySendError::Closed(())) => return Err(TaskGone),
            Err(TrySendError::Full(())) => loop {
                match self.runtime.block_on(async { timeout(WAIT, self.messages.reserve()).await }) {
                    Ok(permit) => break permit?,
                    Err(_) => meanwhile(),
                }
            },
        };
        permit.send(message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::channel;

    use super::*;

    #[test]
    fn a_full_channel_does_not_stop_other_work() {
        let (sender, mut received) = channel(1);
        let channel = TaskChannel::new(sender).unwrap();
        let send = |meanwhile: &mut dyn FnMut()| channel.send(WorkerMessage::Stopped, meanwhile);
        assert!(send(&mut || unreachable!("there is room")).is_ok());
        let mut looks = 0;
        let sent = send(&mut || {
            looks += 1;
            if looks == 3 {
                received.try_recv().unwrap();
            }
        });
        assert!(sent.is_ok());
        assert_eq!(looks, 3);
        let mut received = Some(received);
        assert!(send(&mut || drop(received.take())).is_err(), "the task is gone");
    }
}
