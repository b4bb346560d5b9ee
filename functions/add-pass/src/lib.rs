//! The first download: `GET` and `HEAD /add/{passType}/{serial}?e={expiry}&k={key name}&s={mac}`.

use aws::dynamodb::{Registry, Sources};
use edge::http::lambda_http::http::{Method, StatusCode, header};
use edge::http::lambda_http::{Body, Request, RequestExt as _, Response};
use edge::http::{HttpFunction, Subject, failed, method_not_allowed, package_response, pass_key, refused, set};
use edge::platform::StoredMaterial;
use edge::{Environment, Platform, WallClock, report};
use passes::fan_out::{FurtherPages, NoQueue, Pushing};
use passes::ids::PassKey;
use passes::link::{LinkFault, LinkSignature, MAX_LINK_DAYS};
use passes::ports::{ReadLinkKeys as _, ReadRevision as _, StoreResult};
use passes::publish::Publisher;
use passes::push::NoPush;
use passes::revision::Revision;
use passes::send::package;
use passes::time::Clock as _;
use passes::work::Hint;

pub struct AddPass {
    registry: Registry,
    sources: Sources,
    material: StoredMaterial,
    clock: WallClock,
    web_service_url: String,
    deletions_per_hour: u64,
    max_link_days: u64,
}

impl AddPass {
    pub fn new(platform: &Platform, environment: &mut Environment) -> Self {
        Self {
            registry: platform.registry(environment),
            sources: platform.sources(environment),
            material: platform.material(environment),
            clock: platform.clock.clone(),
            web_service_url: platform.web_service_url(environment),
            deletions_per_hour: platform.deletions_per_hour(environment),
            max_link_days: environment.parsed("MAX_LINK_DAYS", MAX_LINK_DAYS, "a number of days, such as 366"),
        }
    }

    /// The revision to download. A link may be opened before the stream has brought the record,
    /// so a pass that was never published is published here.
    async fn revision(&self, key: &PassKey) -> StoreResult<Option<Revision>> {
        if let Some(revision) = self.registry.revision(key).await? {
            return Ok(Some(revision));
        }
        let publisher = Publisher {
            sources: &self.sources,
            store: &self.registry,
            material: &self.material,
            pushing: Pushing::<NoPush>::LeftToSchedule,
            // A pass that was never published has no devices, save after a loss of its revision.
            further_pages: FurtherPages::<NoQueue>::InPlace,
            clock: &self.clock,
            web_service_url: &self.web_service_url,
            deletions_per_hour: self.deletions_per_hour,
        };
        report::published(key, &publisher.publish(key, Hint::default()).await?);
        self.registry.revision(key).await
    }
}

impl HttpFunction for AddPass {
    async fn handle(&self, request: Request) -> Response<Body> {
        let mut response = self.answer(request).await;
        // The link is a secret: it must not be kept or passed on.
        set(&mut response, header::CACHE_CONTROL, "no-store");
        set(&mut response, header::REFERRER_POLICY, "no-referrer");
        response
    }
}

impl AddPass {
    async fn answer(&self, request: Request) -> Response<Body> {
        let with_body = match *request.method() {
            Method::GET => true,
            Method::HEAD => false,
            _ => return method_not_allowed("GET, HEAD"),
        };
        let Ok(key) = pass_key(&request) else {
            return no_link(LinkFault::Forged);
        };
        let keys = match self.material.link_keys().await {
            Ok(keys) => keys,
            Err(error) => return failed("add", &Subject::Pass(&key), &error, error.is_retryable()),
        };
        let query = request.query_string_parameters();
        let part = |name: &str| query.first(name).unwrap_or_default().to_owned();
        let link = LinkSignature {
            expiry: part("e"),
            key_name: part("k"),
            mac: part("s"),
        };
        if let Err(fault) = link.verify(&keys, &key, self.clock.now(), self.max_link_days) {
            return no_link(fault);
        }
        let revision = match self.revision(&key).await {
            Ok(Some(revision)) => revision,
            Ok(None) => {
                return refused(
                    StatusCode::NOT_FOUND,
                    "There is no such pass, or its record cannot be published.",
                );
            }
            Err(error) => return failed("add", &Subject::Pass(&key), &error, error.is_retryable()),
        };
        let body = match with_body {
            true => match package(&self.material, &key, &revision, self.clock.now()).await {
                Ok(bytes) => Body::Binary(bytes),
                Err(error) => return failed("add", &Subject::Pass(&key), &error, error.is_retryable()),
            },
            // Answered without signing: nobody would see the signature.
            false => Body::Empty,
        };
        let mut response = package_response(&revision, body);
        // Outside Safari a file is known as a pass by its name alone. No serial number has a quote in it.
        let name = format!("inline; filename=\"{}.pkpass\"", key.serial);
        set(&mut response, header::CONTENT_DISPOSITION, &name);
        response
    }
}

/// The holder of a link reads the sentence, and so does the developer who made it: only a link that was
/// signed with a key of ours says what is wrong with its expiry.
fn no_link(fault: LinkFault) -> Response<Body> {
    let (status, sentence) = match fault {
        LinkFault::Forged => (
            StatusCode::FORBIDDEN,
            "This link is not valid. Ask for a new one.".to_owned(),
        ),
        LinkFault::Expired => (StatusCode::GONE, "This link has expired. Ask for a new one.".to_owned()),
        LinkFault::TooFarAhead { max_days } => (
            StatusCode::BAD_REQUEST,
            format!(
                "This link's expiry lies more than {max_days} days ahead: e is Unix seconds, not milliseconds, and a \
                 link holds for {max_days} days at most."
            ),
        ),
        LinkFault::NoSeconds => (
            StatusCode::BAD_REQUEST,
            "This link's expiry is no whole number: e is Unix seconds in decimal.".to_owned(),
        ),
    };
    refused(status, &sentence)
}
