//! Keeps on disk which endpoints have said that they are gone, so that a restart does not call them again.
//!
//! What is in memory leads (`egress/health.rs`): an endpoint is not called from the moment it says so, and is on disk a
//! moment later. One that somebody enables is off the disk before that is acknowledged.

use std::time::Duration;

use crate::{
    egress::{Circuit, Endpoints},
    store::{
        Store, StoreError,
        admin::{AdminChange, By},
    },
};

/// How long what could not be written waits.
const AGAIN: Duration = Duration::from_secs(1);

/// At the start: those that an earlier run has left.
pub async fn load(store: &dyn Store, endpoints: &Endpoints) -> Result<(), StoreError> {
    for name in store.disabled_endpoints().await? {
        endpoints.disable(&name);
    }
    Ok(())
}

/// Writes down each that becomes disabled. Runs until it is dropped.
pub async fn run(store: &dyn Store, endpoints: &Endpoints) {
    loop {
        let is_failing = match keep(store, endpoints).await {
            Ok(()) => false,
            Err(error) => {
                tracing::warn!(%error, "which endpoints are disabled could not be written; it is tried again");
                true
            }
        };
        if is_failing {
            tokio::time::sleep(AGAIN).await;
        } else {
            endpoints.disabled_anew().await;
        }
    }
}

/// What is on disk is asked for each time, and not remembered: it is seldom needed, and somebody may have enabled what was
/// written.
async fn keep(store: &dyn Store, endpoints: &Endpoints) -> Result<(), StoreError> {
    let _held = endpoints.hold().await;
    let on_disk = store.disabled_endpoints().await?;
    for name in endpoints.disabled().into_iter().filter(|name| !on_disk.contains(name)) {
        store.disable_endpoint(name).await?;
    }
    Ok(())
}

/// Has an endpoint called again, whatever it did. Whether there is one of this name.
pub async fn enable(
    store: &dyn Store,
    endpoints: &Endpoints,
    name: &str,
    by: By,
) -> Result<bool, StoreError> {
    let _held = endpoints.hold().await;
    let Some(circuit) = endpoints.circuit(name) else { return Ok(false) };
    if circuit != Circuit::Closed {
        let change = AdminChange::EnableEndpoint { name: name.to_owned(), was: circuit.name() };
        store.administer(change, by).await?;
    }
    Ok(endpoints.enable(name))
}
