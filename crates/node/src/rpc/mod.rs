//! The JSON-RPC server: what Ethereum clients need to use the L2, and the `postern_` namespace for what they need to leave it.
//!
//! It holds no keys: it takes signed transactions, and everything else is reading.

mod calls;
mod error;
mod eth;
mod logs;
mod node;
mod postern;
#[cfg(test)]
mod tests;
mod types;
mod verdicts;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use jsonrpsee::{
    RpcModule,
    core::RegisterMethodError,
    server::{BatchRequestConfig, Server, ServerConfig, ServerHandle},
};

use crate::chain::Chain;
use error::RpcError;
use eth::EthApiServer;
use node::{NetApiServer, Web3ApiServer};
use postern::PosternApiServer;
use verdicts::Verdicts;

/// Where to listen, and how much to take from whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RpcConfig {
    /// Address to listen on; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Longest request, in bytes.
    pub max_request_size: u32,
    /// Longest response, in bytes.
    pub max_response_size: u32,
    /// Requests in one batch, at most.
    pub max_batch: u32,
    /// Connections at the same time, at most.
    pub max_connections: u32,
    /// Blocks that one `eth_getLogs` may search, at most.
    pub max_log_blocks: u64,
    /// Logs that one `eth_getLogs` may return, at most.
    pub max_logs: u64,
}

impl Default for RpcConfig {
    /// Listens on a free port of the loopback interface.
    fn default() -> Self {
        Self {
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            max_request_size: 4 << 20,
            max_response_size: 64 << 20,
            max_batch: 1_000,
            max_connections: 256,
            max_log_blocks: 10_000,
            max_logs: 20_000,
        }
    }
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum RpcServerError {
    /// The address cannot be listened on, most often because another program does.
    #[error("cannot serve JSON-RPC on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// Two methods have the same name.
    #[error(transparent)]
    Methods(#[from] RegisterMethodError),
}

/// A running server.
#[derive(Debug)]
pub struct RpcServer {
    address: SocketAddr,
    handle: ServerHandle,
}

impl RpcServer {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops it and waits until the last connection is closed.
    pub async fn stop(self) {
        // An error says that it has stopped already.
        let _ = self.handle.stop();
        self.handle.stopped().await;
    }
}

/// Serves `chain` over HTTP.
///
/// # Errors
/// If the address cannot be listened on.
pub async fn serve(chain: Chain, config: RpcConfig) -> Result<RpcServer, RpcServerError> {
    let limits = ServerConfig::builder()
        .http_only()
        .max_request_body_size(config.max_request_size)
        .max_response_body_size(config.max_response_size)
        .max_connections(config.max_connections)
        .set_batch_request_config(BatchRequestConfig::Limit(config.max_batch))
        .build();
    let bind = |source| RpcServerError::Bind { address: config.addr, source };
    let server = Server::builder().set_config(limits).build(config.addr).await.map_err(bind)?;
    let address = server.local_addr().map_err(bind)?;
    let handle = server.start(methods(chain, config)?);
    Ok(RpcServer { address, handle })
}

/// All methods.
fn methods(chain: Chain, config: RpcConfig) -> Result<RpcModule<()>, RegisterMethodError> {
    let rpc = Rpc { chain, config, verdicts: Verdicts::default() };
    let mut methods = RpcModule::new(());
    methods.merge(Web3ApiServer::into_rpc(rpc.clone()))?;
    methods.merge(NetApiServer::into_rpc(rpc.clone()))?;
    methods.merge(EthApiServer::into_rpc(rpc.clone()))?;
    methods.merge(PosternApiServer::into_rpc(rpc))?;
    Ok(methods)
}

/// The server's side of every namespace.
#[derive(Clone, Debug)]
struct Rpc {
    chain: Chain,
    config: RpcConfig,
    verdicts: Verdicts,
}

/// Result of a method.
type RpcResult<T> = Result<T, RpcError>;
