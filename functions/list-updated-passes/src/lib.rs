//! List updatable passes: `GET /v1/devices/{device}/registrations/{passType}?passesUpdatedSince=`.
//!
//! Unauthenticated: the device id is the secret. Never a 4xx, which Wallet would repeat.

use aws::dynamodb::Registry;
use edge::date::http_date;
use edge::http::lambda_http::http::{Method, StatusCode, header};
use edge::http::lambda_http::{Body, Request, RequestExt as _, Response};
use edge::http::{HttpFunction, Subject, device, empty, failed, json, method_not_allowed, pass_type, set};
use edge::{Environment, Platform, WallClock};
use passes::ids::DeviceKey;
use passes::list::{ListOutcome, list};
use passes::tag::UpdateTag;
use serde_json::json;

pub struct ListUpdatedPasses {
    registry: Registry,
    clock: WallClock,
}

impl ListUpdatedPasses {
    pub fn new(platform: &Platform, environment: &mut Environment) -> Self {
        Self {
            registry: platform.registry(environment),
            clock: platform.clock.clone(),
        }
    }
}

impl HttpFunction for ListUpdatedPasses {
    async fn handle(&self, request: Request) -> Response<Body> {
        if request.method() != Method::GET {
            return method_not_allowed("GET");
        }
        let (Ok(device), Ok(pass_type)) = (device(&request), pass_type(&request)) else {
            return empty(StatusCode::NO_CONTENT);
        };
        let since = request
            .query_string_parameters()
            .first("passesUpdatedSince")
            .and_then(UpdateTag::parse);
        let key = DeviceKey { device, pass_type };
        match list(&self.registry, &self.clock, &key, since).await {
            Ok(ListOutcome::NothingNew) => empty(StatusCode::NO_CONTENT),
            Ok(ListOutcome::Changed { serials, tag }) => {
                let serials: Vec<_> = serials.iter().map(|serial| serial.as_str()).collect();
                // Type-strict: the tag is a string.
                let body = json!({ "serialNumbers": serials, "lastUpdated": tag.to_string() });
                let mut response = json(StatusCode::OK, &body);
                set(&mut response, header::LAST_MODIFIED, &http_date(tag.value()));
                response
            }
            Err(error) => failed("list", &Subject::Device(&key), &error, error.is_retryable()),
        }
    }
}
