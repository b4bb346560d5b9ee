//! The phone and what its owner does with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use passes::ids::{DeviceLibraryIdentifier, PassKey, PassTypeIdentifier};
use passes::tokens::PushToken;
use reqwest::{Method, Url};
use tokio::sync::mpsc;

use crate::change::Update;
use crate::complaint::{Complaint, Grievance, Task};
use crate::error::PhoneError;
use crate::exchange::{Event, Exchange};
use crate::pass::{self, InstalledPass, WebServiceKeys};
use crate::patience::Patience;
use crate::reading::Ios;
use crate::web_service::{self, WebService};
use crate::wire::{Request, Response, Wire};

pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What a phone is made of.
#[derive(Clone)]
pub struct PhoneConfig {
    /// The root to which the signatures of packages must lead, in DER.
    pub root_certificate_der: Vec<u8>,
    /// Tells the time: of events and log lines, and at which certificates must be valid.
    pub clock: Clock,
    pub user_agent: String,
    pub ios: Ios,
    /// Of the phone, such as `de` or `pt-BR`: it decides which of a pass's texts and images are shown.
    pub language: String,
    /// The pauses between the attempts of one task; one attempt more than pauses are made. Zeros
    /// repeat at once, and an empty list never repeats.
    pub retry_pauses: Vec<Duration>,
    /// For one request, until the answer's last byte.
    pub timeout: Duration,
    /// Makes device ids and push tokens repeatable. Without it they are random.
    pub random_seed: Option<u64>,
}

impl PhoneConfig {
    /// The system's clock, iOS 27 in English, pauses of 1, 5 and 25 seconds, and a time-out of 60 seconds.
    ///
    /// A real phone goes on for days, with pauses that nobody wants to wait for here.
    pub fn new(root_certificate_der: impl Into<Vec<u8>>) -> Self {
        Self {
            root_certificate_der: root_certificate_der.into(),
            clock: Arc::new(SystemTime::now),
            user_agent: "passd/1.0 CFNetwork/3860.200.71 Darwin/25.1.0".to_owned(),
            ios: Ios::default(),
            language: "en".to_owned(),
            retry_pauses: [1, 5, 25].map(Duration::from_secs).to_vec(),
            timeout: Duration::from_secs(60),
            random_seed: None,
        }
    }
}

/// One phone with its Wallet.
///
/// It does what Wallet does, asks only when Wallet would ask, and complains of whatever Wallet
/// complains of: to the web service's `/v1/log`, and in [`complaints`](Self::complaints). A correct
/// web service leaves that list empty.
///
/// Nothing happens between calls: a push is [`on_push`](Self::on_push), and what was given up is
/// tried again by the next call for the same web service.
pub struct Phone {
    pub(crate) config: PhoneConfig,
    pub(crate) wire: Wire,
    random: fastrand::Rng,
    push_token: PushToken,
    pub(crate) passes: BTreeMap<PassKey, InstalledPass>,
    pub(crate) services: BTreeMap<ServiceKey, WebService>,
    complaints: Vec<Complaint>,
    /// Log lines by web service that it has not answered 200.
    unsent: BTreeMap<String, Vec<String>>,
    pub(crate) patience: BTreeMap<PassTypeIdentifier, Patience>,
}

/// Pass type and `webServiceURL`.
pub(crate) type ServiceKey = (PassTypeIdentifier, String);

impl Phone {
    /// A phone without passes.
    ///
    /// # Errors
    /// [`PhoneError::Client`] when the system's TLS roots cannot be read.
    pub fn new(config: PhoneConfig) -> Result<Self, PhoneError> {
        let mut random = match config.random_seed {
            Some(seed) => fastrand::Rng::with_seed(seed),
            None => fastrand::Rng::new(),
        };
        Ok(Self {
            wire: Wire::new(&config)?,
            push_token: random_push_token(&mut random),
            random,
            config,
            passes: BTreeMap::new(),
            services: BTreeMap::new(),
            complaints: Vec::new(),
            unsent: BTreeMap::new(),
            patience: BTreeMap::new(),
        })
    }

    /// Opens a link to a package, taps "Add", and goes on as [`add`](Self::add) does.
    ///
    /// # Errors
    /// [`PhoneError::Link`] unless the link itself answers 200 with the content type of a package.
    pub async fn add_from_link(&mut self, url: &str) -> Result<PassKey, PhoneError> {
        let url: Url = url
            .parse()
            .map_err(|error| PhoneError::link(format!("it is no URL ({error})")))?;
        let request = Request::new(Method::GET, url);
        let response = self.wire.send(&request).await.map_err(PhoneError::link)?;
        if response.status != 200 {
            return Err(PhoneError::link(format!("it answered {}", response.status)));
        }
        web_service::package(&response).map_err(PhoneError::link)?;
        self.add(response.body).await
    }

    /// Verifies and installs a package, replacing a pass of the same type and serial; registers it
    /// if it has a web service; then asks what has changed, as Wallet does at once.
    ///
    /// # Errors
    /// [`PhoneError::Package`] leaves everything as it was. [`PhoneError::GaveUp`] leaves the pass
    /// installed; [`register`](Self::register) tries again.
    pub async fn add(&mut self, package: Vec<u8>) -> Result<PassKey, PhoneError> {
        let opened = pkpass::verify(&package, &self.config.root_certificate_der, self.now())
            .map_err(|error| PhoneError::package(error.to_string()))?;
        let installed = pass::opened(opened, package, &self.config).map_err(PhoneError::package)?;
        let key = installed.key.clone();
        let has_web_service = installed.web_service().is_some();
        if installed.style().is_none() {
            self.wire.tell(&Event::NotShown {
                pass: key.clone(),
                ios: self.config.ios,
            });
        }
        self.passes.insert(key.clone(), installed);
        if has_web_service {
            self.register(&key).await?;
        }
        Ok(key)
    }

    /// Registers an installed pass, e.g. because "Automatic Updates" was switched on, and asks what
    /// has changed.
    pub async fn register(&mut self, pass: &PassKey) -> Result<Vec<Update>, PhoneError> {
        self.web_service_of(pass)?;
        self.register_and_ask(vec![pass.clone()]).await
    }

    /// Unregisters a pass that stays installed: "Automatic Updates" was switched off.
    ///
    /// # Errors
    /// [`PhoneError::GaveUp`] when the web service never took it; the phone has stopped asking all
    /// the same.
    pub async fn unregister(&mut self, pass: &PassKey) -> Result<(), PhoneError> {
        let (service, keys) = self.web_service_of(pass)?;
        self.installed_mut(pass)?.registered = false;
        self.send_unregister(pass, &service, &keys).await
    }

    /// Deletes a pass and unregisters it, if it was registered.
    ///
    /// # Errors
    /// As [`unregister`](Self::unregister); the pass is gone all the same.
    pub async fn remove(&mut self, pass: &PassKey) -> Result<(), PhoneError> {
        let removed = self
            .passes
            .remove(pass)
            .ok_or_else(|| PhoneError::NotInstalled(pass.clone()))?;
        match removed.web_service() {
            Some(keys) if removed.registered => {
                let service = self.service(&pass.pass_type, &keys.url);
                self.send_unregister(pass, &service, &keys).await
            }
            _ => Ok(()),
        }
    }

    /// The token under which APNs reaches this phone: 64 hexadecimal digits.
    pub fn push_token(&self) -> &PushToken {
        &self.push_token
    }

    /// APNs gives the phone a new token. Web services learn it by the next
    /// [`register_all`](Self::register_all); until then they push to the dead one.
    pub fn change_push_token(&mut self) {
        self.push_token = random_push_token(&mut self.random);
    }

    /// Repeats the registration of every registered pass, which is how a new push token arrives.
    pub async fn register_all(&mut self) -> Result<Vec<Update>, PhoneError> {
        let registered = self.passes.values().filter(|pass| pass.registered);
        let keys = registered.map(|pass| pass.key.clone()).collect();
        self.register_and_ask(keys).await
    }

    /// The id by which a web service knows this phone. Nothing before its first pass.
    pub fn device_id(&self, pass_type: &PassTypeIdentifier, web_service: &str) -> Option<&DeviceLibraryIdentifier> {
        let service = self.services.get(&(pass_type.clone(), web_service.to_owned()))?;
        Some(&service.device)
    }

    /// The `passesUpdatedSince` that the next list call sends.
    pub fn update_tag(&self, pass_type: &PassTypeIdentifier, web_service: &str) -> Option<&str> {
        let service = self.services.get(&(pass_type.clone(), web_service.to_owned()))?;
        service.tag.as_deref()
    }

    /// An installed pass.
    pub fn pass(&self, key: &PassKey) -> Option<&InstalledPass> {
        self.passes.get(key)
    }

    /// All installed passes, by type and serial.
    pub fn passes(&self) -> impl Iterator<Item = &InstalledPass> {
        self.passes.values()
    }

    /// Every HTTP exchange since the phone was made.
    pub fn exchanges(&self) -> &[Exchange] {
        self.wire.exchanges()
    }

    /// Everything that Wallet would have complained of, oldest first. Each failed attempt is one.
    pub fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    /// Everything that happens from now on. No event is lost, however slowly they are read.
    pub fn subscribe(&mut self) -> mpsc::UnboundedReceiver<Event> {
        self.wire.watch()
    }

    /// How annoyed iOS is by the pushes for a pass type: 0 is not at all, and above 1 something
    /// pushes too often.
    pub fn push_score(&self, pass_type: &PassTypeIdentifier) -> f64 {
        self.patience.get(pass_type).map_or(0.0, Patience::score)
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.config.clock)()
    }

    pub(crate) fn installed_mut(&mut self, pass: &PassKey) -> Result<&mut InstalledPass, PhoneError> {
        self.passes
            .get_mut(pass)
            .ok_or_else(|| PhoneError::NotInstalled(pass.clone()))
    }

    /// The web service of an installed pass, with the pass's own token.
    pub(crate) fn web_service_of(&mut self, pass: &PassKey) -> Result<(ServiceKey, WebServiceKeys), PhoneError> {
        let keys = self
            .installed_mut(pass)?
            .web_service()
            .ok_or_else(|| PhoneError::NoWebService(pass.clone()))?;
        Ok((self.service(&pass.pass_type, &keys.url), keys))
    }

    /// Meets a web service: another type or URL gets a device id of its own, and has no tag.
    fn service(&mut self, pass_type: &PassTypeIdentifier, url: &str) -> ServiceKey {
        let key = (pass_type.clone(), url.to_owned());
        if !self.services.contains_key(&key) {
            let service = WebService {
                pass_type: pass_type.clone(),
                url: url.to_owned(),
                device: random_hex(&mut self.random, DEVICE_ID_BYTES)
                    .parse()
                    .expect("hexadecimal digits are a device id"),
                tag: None,
                pending: Default::default(),
            };
            self.services.insert(key.clone(), service);
        }
        key
    }

    pub(crate) async fn send_register(&mut self, pass: &PassKey) -> Result<ServiceKey, PhoneError> {
        let (key, keys) = self.web_service_of(pass)?;
        let service = &self.services[&key];
        let request = service.register(&pass.serial, &keys.token, &self.push_token);
        let task = Task::Register {
            device: service.device.clone(),
            pass: pass.clone(),
        };
        self.insist(&key, task, &request, web_service::registered).await?;
        self.installed_mut(pass)?.registered = true;
        Ok(key)
    }

    async fn send_unregister(
        &mut self,
        pass: &PassKey,
        key: &ServiceKey,
        keys: &WebServiceKeys,
    ) -> Result<(), PhoneError> {
        let service = &self.services[key];
        let request = service.unregister(&pass.serial, &keys.token);
        let task = Task::Unregister {
            device: service.device.clone(),
            pass: pass.clone(),
        };
        self.insist(key, task, &request, web_service::unregistered).await
    }

    /// Sends until `judge` is content with the answer. Each failed attempt is a complaint.
    pub(crate) async fn insist<T>(
        &mut self,
        service: &ServiceKey,
        task: Task,
        request: &Request,
        judge: impl Fn(&Response) -> Result<T, Grievance>,
    ) -> Result<T, PhoneError> {
        let pauses = self.config.retry_pauses.clone();
        for attempt in 0.. {
            let outcome = self.wire.send(request).await.map_err(Grievance::NoAnswer);
            let grievance = match outcome.and_then(|response| judge(&response)) {
                Ok(answer) => return Ok(answer),
                Err(grievance) => grievance,
            };
            let complaint = self.complain(service, Some(task.clone()), grievance).await;
            match pauses.get(attempt) {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => {
                    return Err(PhoneError::GaveUp {
                        attempts: attempt + 1,
                        complaint: Box::new(complaint),
                    });
                }
            }
        }
        unreachable!("the attempts end with the pauses")
    }

    /// Keeps a complaint and posts it, together with those that could not be posted before.
    pub(crate) async fn complain(
        &mut self,
        (pass_type, web_service): &ServiceKey,
        task: Option<Task>,
        grievance: Grievance,
    ) -> Complaint {
        let complaint = Complaint {
            at: self.now(),
            task,
            pass_type: pass_type.clone(),
            web_service: web_service.clone(),
            grievance,
        };
        self.complaints.push(complaint.clone());
        self.wire.tell(&Event::Complained(complaint.clone()));
        let lines = self.unsent.entry(web_service.clone()).or_default();
        lines.push(complaint.to_string());
        let request = web_service::log(web_service, lines);
        // A log that fails is no complaint of its own: Wallet would never come to an end.
        if self.wire.send(&request).await.is_ok_and(|answer| answer.status == 200) {
            self.unsent.remove(web_service);
        }
        complaint
    }
}

/// Wallet's device ids are 32 hexadecimal digits.
const DEVICE_ID_BYTES: usize = 16;
/// Today's push tokens are 64 hexadecimal digits.
const PUSH_TOKEN_BYTES: usize = 32;

fn random_push_token(random: &mut fastrand::Rng) -> PushToken {
    random_hex(random, PUSH_TOKEN_BYTES)
        .parse()
        .expect("hexadecimal digits are a push token")
}

fn random_hex(random: &mut fastrand::Rng, bytes: usize) -> String {
    (0..bytes).map(|_| format!("{:02x}", random.u8(..))).collect()
}
