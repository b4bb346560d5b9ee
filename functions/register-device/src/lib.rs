//! Register: `POST /v1/devices/{device}/registrations/{passType}/{serial}`, body `{"pushToken"}`.

use aws::dynamodb::Registry;
use edge::http::lambda_http::http::{Method, StatusCode};
use edge::http::lambda_http::{Body, Request, Response};
use edge::http::{
    HttpFunction, Subject, apple_pass_token, device, empty, failed, method_not_allowed, pass_key, refused, unauthorized,
};
use edge::{Environment, Platform, WallClock, report};
use passes::ids::Registration;
use passes::register::{RegisterOutcome, RegistrationLimits, register};
use passes::tokens::PushToken;

/// A push token has 64 characters; the rest of the body is not ours.
const MAX_BODY_BYTES: usize = 4096;

/// Default of `MAX_SERIALS_PER_DEVICE`: at 1,000 passes each change of a device costs 50 write units.
const MAX_SERIALS_PER_DEVICE: usize = 1000;

/// Default of `MAX_DEVICES_PER_PASS`: a change of a pass on 100,000 devices takes ten minutes of pushes.
const MAX_DEVICES_PER_PASS: u64 = 100_000;

pub struct RegisterDevice {
    registry: Registry,
    clock: WallClock,
    limits: RegistrationLimits,
}

impl RegisterDevice {
    pub fn new(platform: &Platform, environment: &mut Environment) -> Self {
        Self {
            registry: platform.registry(environment),
            clock: platform.clock.clone(),
            limits: RegistrationLimits {
                serials_per_device: environment.parsed(
                    "MAX_SERIALS_PER_DEVICE",
                    MAX_SERIALS_PER_DEVICE,
                    "a number of passes, such as 1000",
                ),
                devices_per_pass: environment.parsed(
                    "MAX_DEVICES_PER_PASS",
                    MAX_DEVICES_PER_PASS,
                    "a number of devices, such as 100000",
                ),
            },
        }
    }
}

impl HttpFunction for RegisterDevice {
    async fn handle(&self, request: Request) -> Response<Body> {
        // `ANY` on this path leads here; DELETE has a function of its own.
        if request.method() != Method::POST {
            return method_not_allowed("POST, DELETE");
        }
        let token = apple_pass_token(&request);
        // A serial that cannot exist is an unknown pass.
        let (Ok(key), Some(token)) = (pass_key(&request), token) else {
            return unauthorized();
        };
        let device = match device(&request) {
            Ok(device) => device,
            Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        let push_token = match push_token(request.body()) {
            Ok(push_token) => push_token,
            Err(sentence) => return refused(StatusCode::BAD_REQUEST, &sentence),
        };
        let registration = Registration { device, key };
        let outcome = register(
            &self.registry,
            &self.clock,
            &registration,
            &token,
            &push_token,
            self.limits,
        )
        .await;
        match outcome {
            Ok(RegisterOutcome::Registered) => empty(StatusCode::CREATED),
            Ok(RegisterOutcome::AlreadyRegistered) => empty(StatusCode::OK),
            Ok(RegisterOutcome::Unauthorized) => unauthorized(),
            Ok(RegisterOutcome::TooManyPasses) => refused(
                StatusCode::BAD_REQUEST,
                &format!(
                    "This device holds {} passes of this type, which is the limit.",
                    self.limits.serials_per_device
                ),
            ),
            Ok(RegisterOutcome::TooManyDevices) => {
                let devices = self.limits.devices_per_pass;
                report::pass_full(&registration.key, devices);
                refused(
                    StatusCode::BAD_REQUEST,
                    &format!("This pass is on {devices} devices, which is the limit."),
                )
            }
            Err(error) => failed(
                "register",
                &Subject::Registration(&registration),
                &error,
                error.is_retryable(),
            ),
        }
    }
}

const WANTED: &str = "The body must be JSON with a string `pushToken`.";

fn push_token(body: &[u8]) -> Result<PushToken, String> {
    if body.len() > MAX_BODY_BYTES {
        return Err(format!("The body is larger than {MAX_BODY_BYTES} bytes."));
    }
    // An object, and nothing that merely looks like one in order.
    let body: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(body).map_err(|_| WANTED.to_owned())?;
    let token = body.get("pushToken").and_then(|token| token.as_str()).ok_or(WANTED)?;
    token
        .parse()
        .map_err(|error: passes::ids::InvalidIdentifier| error.to_string())
}
