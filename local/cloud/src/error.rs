use std::{io, net::SocketAddr, path::PathBuf};

use crate::FunctionError;

/// Why a part of the local cloud could not start. Once started, a part logs what goes wrong and
/// goes on, as the service that it stands for does.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template is no YAML.
    #[error("the template is not valid YAML")]
    Yaml(#[source] serde_yaml_ng::Error),

    /// The template is YAML, but says something that cannot be followed.
    #[error("template, {place}: {problem}")]
    Template {
        /// Logical id and property, e.g. `PassesStream.BatchSize`.
        place: String,
        problem: String,
    },

    /// A route names a function that was not handed in.
    #[error("route `{route_key}` needs the function `{function}`, which is not there")]
    UnknownFunction { route_key: String, function: String },

    /// The address is taken, or may not be bound.
    #[error("cannot listen on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },

    /// The database refused.
    #[error("the embedded database refused: {0}")]
    Database(#[from] dynoxide::DynoxideError),

    /// A stream source needs a table with a stream.
    #[error("table `{table}` has no stream; its template entry needs a StreamSpecification")]
    NoStream { table: String },

    /// Records that were given out once more were not taken.
    #[error("redelivered records failed: {0}")]
    Redelivery(FunctionError),

    /// The part was stopped while somebody waited for it.
    #[error("stopped")]
    Stopped,

    /// The folder of a queue cannot be made.
    #[error("queue {path}")]
    Queue {
        path: PathBuf,
        #[source]
        source: io::Error,
    },

    /// The folder of a bucket cannot be made.
    #[error("bucket {path}")]
    Bucket {
        path: PathBuf,
        #[source]
        source: io::Error,
    },

    /// The checkpoint can be neither read nor written, or is not one.
    #[error("checkpoint {path}")]
    Checkpoint {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn template(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Template {
            place: place.into(),
            problem: problem.into(),
        }
    }
}
