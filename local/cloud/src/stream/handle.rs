//! What can be done to a running source by somebody who does not own it.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::{
    failures::event,
    reader::StreamReader,
    verdict::{Verdict, verdict},
};
use crate::{Error, Function, FunctionError, function::invoke_attached};

/// Watches a stream source, and repeats records. Does not keep the source alive.
#[derive(Clone)]
pub struct StreamHandle {
    pub(super) reader: StreamReader,
    /// The last sequence number that is done with.
    pub(super) done: watch::Receiver<Option<String>>,
    pub(super) wake: Arc<Notify>,
    pub(super) function: Arc<dyn Function>,
}

/// The most records that one call repeats.
const MOST_REPEATED: usize = 1_000;

impl StreamHandle {
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// As [`StreamSource::drained`](super::StreamSource::drained).
    pub async fn drained(&self) -> Result<(), Error> {
        let Some(last) = self.reader.last().await? else {
            return Ok(());
        };
        self.wake();
        let mut done = self.done.clone();
        done.wait_for(|position| {
            // Sequence numbers of one table have one width, so that texts order like numbers.
            position.as_ref().is_some_and(|position| *position >= last)
        })
        .await
        .map(drop)
        .map_err(|_| Error::Stopped)
    }

    /// The sequence number of the newest record, done with or not.
    pub async fn position(&self) -> Result<Option<String>, Error> {
        Ok(self.reader.last().await?)
    }

    /// Gives the function the records after a position once more, as one batch and beside whatever
    /// the source does; as after a poller that lost its checkpoint. `reversed` gives the newest first,
    /// which AWS does only where a key has come by another way meanwhile. Returns how many there were,
    /// at most 1,000.
    ///
    /// # Errors
    /// [`Error::Redelivery`] if the function did not take all of them.
    pub async fn redeliver(&self, after: Option<String>, reversed: bool) -> Result<usize, Error> {
        let mut records = self.reader.after(after, MOST_REPEATED).await?;
        if records.is_empty() {
            return Ok(0);
        }
        if reversed {
            records.reverse();
        }
        let answer = invoke_attached(&self.function, event(&records)).await;
        match answer.map(|answer| verdict(&answer, &records)) {
            Ok(Verdict::Success) => Ok(records.len()),
            Ok(_) => Err(Error::Redelivery(FunctionError(
                "not all records were taken".to_owned(),
            ))),
            Err(failure) => Err(Error::Redelivery(failure)),
        }
    }
}
