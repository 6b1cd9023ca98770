//! `eth_getLogs`: block by block, through the blooms of the headers.

use alloy::{
    eips::BlockNumberOrTag,
    rpc::types::{Filter, FilterBlockOption, Log},
};

use super::{Rpc, RpcError, RpcResult, error::limit, types};

/// Most addresses of a filter, and most values of each of its topics: every block's bloom is asked for each.
const MAX_ALTERNATIVES: u64 = 1_000;

/// The logs that match a filter, in order.
pub(super) fn search(rpc: &Rpc, filter: &Filter) -> RpcResult<Vec<Log>> {
    limit("addresses", filter.address.len() as u64, MAX_ALTERNATIVES)?;
    for topic in &filter.topics {
        limit("values of a topic", topic.len() as u64, MAX_ALTERNATIVES)?;
    }
    let mut found = Vec::new();
    for number in range(rpc, &filter.block_option)? {
        let Some(header) = rpc.chain.header(number)? else {
            break;
        };
        if !filter.matches_bloom(header.logs_bloom) {
            continue;
        }
        let block = rpc.existing_block(number)?;
        found.extend(types::logs(&block).into_iter().filter(|log| filter.matches(&log.inner)));
        limit("logs found", found.len() as u64, rpc.config.max_logs)?;
    }
    Ok(found)
}

/// The blocks to search: those asked for that exist.
fn range(rpc: &Rpc, option: &FilterBlockOption) -> RpcResult<std::ops::RangeInclusive<u64>> {
    match *option {
        FilterBlockOption::AtBlockHash(hash) => {
            let number = rpc.existing_header(hash)?.number;
            Ok(number..=number)
        }
        FilterBlockOption::Range { from_block, to_block } => {
            let latest = rpc.number(BlockNumberOrTag::Latest);
            let from = rpc.number(from_block.unwrap_or_default());
            let to = rpc.number(to_block.unwrap_or_default());
            if from > to && to_block.is_some() {
                return Err(RpcError::InvalidParams(format!("fromBlock {from} is after toBlock {to}")));
            }
            let to = to.min(latest);
            limit("blocks to search", (to + 1).saturating_sub(from), rpc.config.max_log_blocks)?;
            Ok(from..=to)
        }
    }
}
