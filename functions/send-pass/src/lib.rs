//! Send an updated pass: `GET` and `HEAD /v1/passes/{passType}/{serial}`.

use aws::dynamodb::Registry;
use edge::date::{last_modified, revision_of};
use edge::http::lambda_http::http::{Method, StatusCode, header};
use edge::http::lambda_http::{Body, Request, Response};
use edge::http::{
    HttpFunction, Subject, apple_pass_token, empty, failed, method_not_allowed, package_response, pass_key, set,
    unauthorized,
};
use edge::platform::StoredMaterial;
use edge::{Environment, Platform, WallClock};
use passes::send::{SendOutcome, package, send};
use passes::time::Clock as _;

pub struct SendPass {
    registry: Registry,
    material: StoredMaterial,
    clock: WallClock,
}

impl SendPass {
    pub fn new(platform: &Platform, environment: &mut Environment) -> Self {
        Self {
            registry: platform.registry(environment),
            material: platform.material(environment),
            clock: platform.clock.clone(),
        }
    }
}

impl HttpFunction for SendPass {
    async fn handle(&self, request: Request) -> Response<Body> {
        let with_body = match *request.method() {
            Method::GET => true,
            Method::HEAD => false,
            _ => return method_not_allowed("GET, HEAD"),
        };
        let (Ok(key), Some(token)) = (pass_key(&request), apple_pass_token(&request)) else {
            return unauthorized();
        };
        let held = request
            .headers()
            .get(header::IF_MODIFIED_SINCE)
            .and_then(|value| revision_of(value.to_str().ok()?));
        match send(&self.registry, &key, &token, held).await {
            Ok(SendOutcome::Unauthorized) => unauthorized(),
            Ok(SendOutcome::NotModified(revision)) => {
                let mut response = empty(StatusCode::NOT_MODIFIED);
                set(&mut response, header::LAST_MODIFIED, &last_modified(revision.number));
                response
            }
            // Answered without signing: nobody would see the signature.
            Ok(SendOutcome::Modified(revision)) if !with_body => package_response(&revision, Body::Empty),
            Ok(SendOutcome::Modified(revision)) => {
                match package(&self.material, &key, &revision, self.clock.now()).await {
                    Ok(bytes) => package_response(&revision, Body::Binary(bytes)),
                    Err(error) => failed("send", &Subject::Pass(&key), &error, error.is_retryable()),
                }
            }
            Err(error) => failed("send", &Subject::Pass(&key), &error, error.is_retryable()),
        }
    }
}
