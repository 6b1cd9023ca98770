//! An L1 for unit tests: a real node, a proxy before it, and no contracts.

use std::{sync::Arc, time::Duration};

use alloy::{
    node_bindings::{Anvil, AnvilInstance},
    primitives::Address,
    providers::Provider,
};
use postern_client::deployment::{Contract, Deployment};
use postern_tests::{Proxy, tool};

use super::{L1, blobs::BlobSources, connected};
use crate::http::{Http, UrlError};

/// Where all contracts of the deployment would be.
pub(super) const TARGET: Address = Address::repeat_byte(0xca);

/// An L1 that mines when the test says so, and is reached through the proxy by what `client` makes of its URL.
pub(super) async fn l1(client: impl FnOnce(&str) -> Result<Http, UrlError>) -> (AnvilInstance, Proxy, L1) {
    let anvil = Anvil::at(tool("anvil").unwrap()).port(0_u16).arg("--no-mining").try_spawn().unwrap();
    let proxy = Proxy::start(anvil.endpoint_url()).await.unwrap();
    let url = proxy.url().to_string();
    let provider = connected(client(&url).unwrap());
    let chain_id = provider.get_chain_id().await.unwrap();
    let contract = Contract { address: TARGET, implementation: None, block_number: 0 };
    let l1 = L1 {
        url,
        provider,
        chain_id,
        deployment: Deployment {
            bridge: contract,
            canonical_transaction_chain: contract,
            state_commitment_chain: contract,
            dispute_game: contract,
            timelock: contract,
            gateways: None,
        },
        poll_interval: Duration::from_millis(5),
        max_fee: 500_000_000_000,
        blobs: Arc::new(BlobSources::new(&[]).unwrap()),
    };
    (anvil, proxy, l1)
}
