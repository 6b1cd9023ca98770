//! `web3_` and `net_`: what the node says of itself.

use jsonrpsee::proc_macros::rpc;

use super::{Rpc, RpcResult};

#[rpc(server, namespace = "web3")]
pub(super) trait Web3Api {
    /// Name and version of the node.
    #[method(name = "clientVersion")]
    fn client_version(&self) -> RpcResult<String>;
}

impl Web3ApiServer for Rpc {
    fn client_version(&self) -> RpcResult<String> {
        Ok(concat!("postern-node/v", env!("CARGO_PKG_VERSION")).to_owned())
    }
}

#[rpc(server, namespace = "net")]
pub(super) trait NetApi {
    /// Chain id of the L2, in decimal.
    #[method(name = "version")]
    fn version(&self) -> RpcResult<String>;

    /// Whether the node takes requests.
    #[method(name = "listening")]
    fn listening(&self) -> RpcResult<bool>;
}

impl NetApiServer for Rpc {
    fn version(&self) -> RpcResult<String> {
        Ok(self.chain.chain_id().to_string())
    }

    fn listening(&self) -> RpcResult<bool> {
        Ok(true)
    }
}
