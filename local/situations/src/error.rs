use std::path::PathBuf;

/// Why a situation did not end well, or could not be played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no stack has been started in {dir}; run `livepass dev --dir {dir}` first", dir = .0.display())]
    NoStack(PathBuf),
    #[error("no stack runs in {dir}: nobody answers at {url}; start it with `livepass dev --dir {dir}`", dir = .dir.display())]
    NotRunning { dir: PathBuf, url: String },
    #[error("another situation is played on {dir}; wait until it has ended", dir = .0.display())]
    Busy(PathBuf),
    /// Not played: something else than livepass's usual state would be lost.
    #[error("{0}")]
    NotUsual(String),
    #[error("{path}: {reason}", path = .path.display())]
    File { path: PathBuf, reason: String },
    /// What is not as livepass promises.
    #[error("not healed: {0}")]
    NotHealed(String),
    /// The same, once it is known what is left behind.
    #[error("{cause}\nIts passes are left to be looked at, until the next situation is played: {passes}")]
    Left { cause: Box<Error>, passes: String },
    #[error("interrupted; the faults are taken back, and the passes deleted")]
    Interrupted,
    #[error("the stack's control API: {0}")]
    Control(String),
    #[error("DynamoDB: {0}")]
    Database(String),
    #[error(transparent)]
    Store(#[from] passes::ports::StoreError),
    #[error(transparent)]
    Move(#[from] passes::template::MoveError),
    #[error(transparent)]
    Phone(#[from] phone::PhoneError),
    #[error("the template: {0}")]
    Template(String),
}

/// What the SDK answered, with its causes.
pub(crate) fn database(error: impl std::error::Error) -> Error {
    Error::Database(aws_sdk_dynamodb::error::DisplayErrorContext(error).to_string())
}
