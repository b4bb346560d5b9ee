//! The pages of a large fan-out, one message after the other.
//!
//! The cursor lives in the message alone. A page is done with when its devices are and the message
//! of the next page has been taken; until then it comes again, and the marks tell what is left of
//! it. A page that ends in the dead letters is brought back by an explicit publish.

use futures_util::StreamExt as _;
use futures_util::stream;

use crate::fan_out::{CONCURRENCY, DEVICES_AT_A_TIME, FanOut, FanOutReport, Pushing, device_keys};
use crate::ids::DeviceLibraryIdentifier;
use crate::pace::Pace;
use crate::ports::{AdvanceDevices, KeepLeases, ReadRevision, SendPage, StoreError, StoreResult};
use crate::push::SendPush;
use crate::time::Clock;
use crate::work::NextPage;

/// Registrations of one page: 14 MB of a hundred thousand are a hundred of these, and at 166
/// pushes a second one takes 6 s of a function's 55.
const PAGE: u32 = 1000;

/// Takes pages up. Cheap to make; holds nothing of its own.
pub struct Pages<'a, S, P, Q, C> {
    pub store: &'a S,
    pub pushing: Pushing<'a, P>,
    pub queue: &'a Q,
    pub pace: &'a Pace,
    pub clock: &'a C,
}

/// What one page led to.
#[derive(Debug, PartialEq, Eq)]
pub struct PageReport {
    pub fan_out: FanOutReport,
    pub end: PageEnd,
}

#[derive(Debug, PartialEq, Eq)]
pub enum PageEnd {
    /// The pass has no revision: there is nothing to tell anybody of.
    NoRevision,
    /// The last page.
    Last,
    /// A message takes it on from here.
    HandedOn,
}

/// How far a page came.
struct Progress {
    /// The last device before the first that was not begun; `None` if all were.
    cut_after: Option<Option<DeviceLibraryIdentifier>>,
    fault: Option<StoreError>,
}

impl<S, P, Q, C> Pages<'_, S, P, Q, C>
where
    S: ReadRevision + AdvanceDevices + KeepLeases,
    P: SendPush,
    Q: SendPage,
    C: Clock,
{
    /// Advances the page's devices to the newest revision, at the pace, and hands the next page on.
    /// Once `time_is_up`, nothing more is begun and the rest of the page is handed on.
    ///
    /// An error means that the page must come again. Its devices are all tried before.
    pub async fn take_up(&self, page: &NextPage, time_is_up: impl Fn() -> bool + Sync) -> StoreResult<PageReport> {
        let mut fan_out = FanOutReport::default();
        // The newest, never that of the message: a newer one has set off pages of its own, and
        // whoever meets a device first saves the other the work.
        let Some(revision) = self.store.revision(&page.key).await? else {
            return Ok(PageReport {
                fan_out,
                end: PageEnd::NoRevision,
            });
        };
        let devices = FanOut {
            store: self.store,
            pushing: self.pushing,
            clock: self.clock,
            urgency: revision.urgency,
        };
        let found = self.store.devices_with(&page.key, page.after.as_ref(), PAGE).await?;
        let mut progress = Progress {
            cut_after: None,
            fault: None,
        };
        let mut done = page.after.clone();
        for chunk in found.devices.chunks(DEVICES_AT_A_TIME) {
            if time_is_up() {
                progress.cut_after = Some(done.clone());
                break;
            }
            let keys = device_keys(chunk.to_vec(), &page.key);
            let behind = devices.behind(keys, &page.key.serial, revision.number).await?;
            let (devices, time_is_up) = (&devices, &time_is_up);
            let mut advances = stream::iter(behind)
                .map(|device| async move {
                    self.pace.turn(self.clock).await;
                    if time_is_up() {
                        return None;
                    }
                    let serial = &page.key.serial;
                    let outcome = devices.advance_device(&device, serial, revision.number).await;
                    Some((device.device, outcome))
                })
                // In order, so that what is left is everything behind one device.
                .buffered(CONCURRENCY);
            while let Some(one) = advances.next().await {
                match one {
                    None if progress.cut_after.is_none() => progress.cut_after = Some(done.clone()),
                    None => {}
                    Some((device, outcome)) => {
                        match outcome {
                            Ok(one) => fan_out.add(&one),
                            // No repetition reads it: it must not hold up those behind it.
                            Err(StoreError::Unreadable { .. }) => fan_out.unreadable += 1,
                            Err(error) => progress.fault = Some(error),
                        }
                        if progress.cut_after.is_none() {
                            done = Some(device);
                        }
                    }
                }
            }
            if progress.cut_after.is_some() {
                break;
            }
            done = chunk.last().cloned();
        }
        if let Some(fault) = progress.fault {
            return Err(fault);
        }
        let next = match progress.cut_after {
            Some(after) => after,
            None if found.after.is_none() => {
                return Ok(PageReport {
                    fan_out,
                    end: PageEnd::Last,
                });
            }
            None => found.after,
        };
        let next = NextPage {
            key: page.key.clone(),
            after: next,
        };
        self.queue.send_page(&next).await?;
        fan_out.pages_sent = 1;
        Ok(PageReport {
            fan_out,
            end: PageEnd::HandedOn,
        })
    }
}
