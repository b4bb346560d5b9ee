//! Unregister: `DELETE /v1/devices/{device}/registrations/{passType}/{serial}`.

use aws::dynamodb::Registry;
use edge::http::lambda_http::http::{Method, StatusCode};
use edge::http::lambda_http::{Body, Request, Response};
use edge::http::{
    HttpFunction, Subject, apple_pass_token, device, empty, failed, json, method_not_allowed, pass_key, unauthorized,
};
use edge::{Environment, Platform, WallClock};
use passes::register::{UnregisterOutcome, unregister};

pub struct UnregisterDevice {
    registry: Registry,
    clock: WallClock,
    success: Success,
}

/// Apple documents 200; some guides ask for 204.
#[derive(Clone, Copy)]
enum Success {
    Ok,
    NoContent,
}

impl UnregisterDevice {
    pub fn new(platform: &Platform, environment: &mut Environment) -> Self {
        let success = match environment.optional("UNREGISTER_STATUS").as_deref() {
            None | Some("200") => Success::Ok,
            Some("204") => Success::NoContent,
            Some(_) => {
                environment.fault("UNREGISTER_STATUS", "must be 200 or 204");
                Success::Ok
            }
        };
        Self {
            registry: platform.registry(environment),
            clock: platform.clock.clone(),
            success,
        }
    }

    fn done(&self) -> Response<Body> {
        match self.success {
            Success::Ok => json(StatusCode::OK, &serde_json::json!({})),
            Success::NoContent => empty(StatusCode::NO_CONTENT),
        }
    }
}

impl HttpFunction for UnregisterDevice {
    async fn handle(&self, request: Request) -> Response<Body> {
        if request.method() != Method::DELETE {
            return method_not_allowed("POST, DELETE");
        }
        let (Ok(key), Some(token)) = (pass_key(&request), apple_pass_token(&request)) else {
            return unauthorized();
        };
        let device = device(&request).ok();
        match unregister(&self.registry, &self.clock, &key, device, &token).await {
            Ok(UnregisterOutcome::Unregistered) => self.done(),
            Ok(UnregisterOutcome::Unauthorized) => unauthorized(),
            Err(error) => failed("unregister", &Subject::Pass(&key), &error, error.is_retryable()),
        }
    }
}
