//! Templates in work: folders that are bundled and uploaded whenever somebody has changed them, as a
//! designer's pipeline would.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws::files::{Folder, WriteFiles as _};
use edge::http::chain;
use pkpass::Template;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::error::StackError;

/// A folder that looks the same twice in a row is one that nobody is writing to.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Folders below the drafts, templates within them, and what a mistaken link may lead to.
const MAX_DEPTH: usize = 4;

/// Watches `drafts/{id}/` and writes `incoming/{id}.zip`.
pub(crate) struct Drafts {
    looks: watch::Receiver<u64>,
    wake: Arc<Notify>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// Path, time and size of each file: enough to see that somebody has changed something.
type Look = Vec<(PathBuf, SystemTime, u64)>;

struct Watcher {
    drafts: PathBuf,
    incoming: Folder,
    /// What a draft's bundle was when it was uploaded last, or published from the beginning.
    uploaded: BTreeMap<String, Vec<u8>>,
    /// Each draft as it was at the last look, and whether that has been dealt with.
    seen: BTreeMap<String, (Look, bool)>,
}

impl Drafts {
    /// `published` are the bundles that the seeds gave, by template id.
    pub fn start(drafts: PathBuf, incoming: PathBuf, published: BTreeMap<String, Vec<u8>>) -> Self {
        let (looks_sender, looks) = watch::channel(0);
        let (wake, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let mut watcher = Watcher {
            drafts,
            incoming: Folder::new(incoming),
            uploaded: published,
            seen: BTreeMap::new(),
        };
        let (woken, stopped) = (Arc::clone(&wake), stop.clone());
        let task = tokio::spawn(async move {
            while !stopped.is_cancelled() {
                let looked = tokio::task::spawn_blocking(move || {
                    let changed = watcher.look();
                    (watcher, changed)
                });
                let changed = match looked.await {
                    Ok((again, changed)) => {
                        watcher = again;
                        changed
                    }
                    Err(failure) => return tracing::error!(%failure, "drafts are no longer watched"),
                };
                for (id, bundle) in changed {
                    watcher.upload(id, bundle).await;
                }
                looks_sender.send_modify(|looks| *looks += 1);
                tokio::select! {
                    () = tokio::time::sleep(LOOK_INTERVAL) => {}
                    () = woken.notified() => {}
                    () = stopped.cancelled() => {}
                }
            }
        });
        Self {
            looks,
            wake,
            stop,
            task,
        }
    }

    /// Resolves when every draft that was changed so far is uploaded.
    pub async fn uploaded(&self) -> Result<(), StackError> {
        let mut looks = self.looks.clone();
        // One that may be under way, one that sees the change, one that sees it again.
        let enough = *looks.borrow() + 3;
        while *looks.borrow() < enough {
            self.wake.notify_one();
            let stopped = |_| StackError::Cloud(cloud::Error::Stopped);
            looks.changed().await.map_err(stopped)?;
        }
        Ok(())
    }

    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Err(failure) = (&mut self.task).await {
            tracing::error!(%failure, "watching drafts ended unexpectedly");
        }
    }
}

impl Drop for Drafts {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watcher {
    /// The bundles of drafts that somebody has changed and finished, by template id.
    fn look(&mut self) -> Vec<(String, Vec<u8>)> {
        let mut changed = Vec::new();
        let Ok(entries) = std::fs::read_dir(&self.drafts) else {
            return changed;
        };
        for entry in entries.flatten() {
            let (Ok(id), true) = (entry.file_name().into_string(), entry.path().is_dir()) else {
                continue;
            };
            // What an editor or the seeds have not finished.
            if id.starts_with('.') {
                continue;
            }
            let mut look = Look::new();
            files(&entry.path(), MAX_DEPTH, &mut look);
            look.sort();
            match self.seen.get_mut(&id) {
                Some((before, dealt_with)) if *before == look => {
                    if !std::mem::replace(dealt_with, true)
                        && let Some(bundle) = self.bundle(&id, &entry.path())
                    {
                        changed.push((id, bundle));
                    }
                }
                _ => {
                    self.seen.insert(id, (look, false));
                }
            }
        }
        changed
    }

    /// The draft's bundle, unless it is what was uploaded last. Whether it is a good template is for
    /// publish-template to say.
    fn bundle(&self, id: &str, folder: &Path) -> Option<Vec<u8>> {
        match Template::bundle_of_folder(folder, is_scratch) {
            Ok(bundle) => (self.uploaded.get(id) != Some(&bundle)).then_some(bundle),
            Err(faults) => {
                tracing::warn!(template = id, reason = %faults, "the draft cannot be bundled");
                None
            }
        }
    }

    async fn upload(&mut self, id: String, bundle: Vec<u8>) {
        match self.incoming.write(&format!("{id}.zip"), bundle.clone()).await {
            Ok(()) => {
                tracing::info!(template = id, "the draft was changed and is uploaded");
                self.uploaded.insert(id, bundle);
            }
            Err(error) => tracing::error!(template = id, error = chain(&error), "the draft could not be uploaded"),
        }
    }
}

/// Whether an editor or an operating system keeps a file of this name beside those that are edited.
fn is_scratch(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~') || name == "4913" || (name.starts_with('#') && name.ends_with('#'))
}

fn files(folder: &Path, depth: usize, found: &mut Look) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() && depth > 1 => files(&path, depth - 1, found),
            Ok(metadata) if metadata.is_file() && !is_scratch(&entry.file_name().to_string_lossy()) => {
                let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                found.push((path, modified, metadata.len()));
            }
            _ => {}
        }
    }
}
