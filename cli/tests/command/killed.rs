//! SIGKILL during updates: after each restart nothing is lost.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use passes::ids::{DeviceKey, PassKey};
use passes::ports::{ReadDevice as _, ReadRevision as _};
use phone::{Phone, PhoneConfig};
use stack::Endpoints;

use crate::process::{Dev, Ports, livepass};

const PATIENCE: Duration = Duration::from_secs(30);

async fn write_balance(endpoints: &Endpoints, key: &PassKey, balance: u32) {
    stack::dynamodb_client(&endpoints.dynamodb_endpoint)
        .await
        .update_item()
        .table_name(&endpoints.passes_table)
        .key("serialNumber", AttributeValue::S(key.serial.to_string()))
        .key("passTypeIdentifier", AttributeValue::S(key.pass_type.to_string()))
        .update_expression("SET #f.balance = :b")
        .expression_attribute_names("#f", "fields")
        .expression_attribute_values(":b", AttributeValue::N(balance.to_string()))
        .send()
        .await
        .expect("written");
}

/// Until the pass shows this balance and the device has been told so, by somebody who went on
/// where the killed process stopped.
async fn until_announced(endpoints: &Endpoints, key: &PassKey, device: &DeviceKey, balance: u32) {
    let client = stack::dynamodb_client(&endpoints.dynamodb_endpoint).await;
    let registry = aws::dynamodb::Registry::new(client, &endpoints.registry_table);
    let wanted = format!("\"value\":{balance}");
    let deadline = Instant::now() + PATIENCE;
    loop {
        let revision = registry.revision(key).await.unwrap().expect("published");
        let device = registry.device(device).await.unwrap().expect("registered");
        let shown = String::from_utf8_lossy(&revision.pass_json).contains(&wanted);
        if shown && device.serials[&key.serial].revision == revision.number {
            assert!(device.lease.is_some(), "a push that was due must not be lost");
            return;
        }
        assert!(Instant::now() < deadline, "balance {balance} has not been announced");
        // Another process's database has no event to wait for.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_that_is_killed_during_updates_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ports = Ports::free();
    let (mut dev, endpoints) = Dev::ready(dir.path(), &ports);
    let key = PassKey::parse("pass.com.example.loyalty", "DEMO-1").unwrap();

    let pem = std::fs::read(&endpoints.root_certificate).unwrap();
    let mut config = PhoneConfig::new(pkpass::root_from_pem(&pem).unwrap());
    config.retry_pauses = Vec::new();
    let mut phone = Phone::new(config).unwrap();
    let link = livepass().args(["link", "--dir"]).arg(dir.path()).output().unwrap();
    phone
        .add_from_link(String::from_utf8(link.stdout).unwrap().trim())
        .await
        .unwrap();
    let device = DeviceKey {
        device: phone
            .device_id(&key.pass_type, &endpoints.web_service_url)
            .unwrap()
            .clone(),
        pass_type: key.pass_type.clone(),
    };

    // From "nothing read yet" to "all done": the pauses between the write and the kill.
    for (round, pause_ms) in [0, 10, 25, 40, 55, 70, 100].into_iter().enumerate() {
        let balance = 1000 + 2 * round as u32;
        write_balance(&endpoints, &key, balance).await;
        write_balance(&endpoints, &key, balance + 1).await;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        dev.kill();
        let (restarted, same) = Dev::ready(dir.path(), &ports);
        assert_eq!(same, endpoints);
        dev = restarted;
        until_announced(&endpoints, &key, &device, balance + 1).await;
        phone.check_for_updates(&key.pass_type).await.unwrap();
        assert_eq!(
            phone.pass(&key).unwrap().shown("balance").unwrap(),
            (balance + 1).to_string()
        );
    }
    phone.remove(&key).await.unwrap();
    assert!(phone.complaints().is_empty(), "{:?}", phone.complaints());
    let (ended_well, log) = dev.stop();
    assert!(ended_well, "{log}");
}
