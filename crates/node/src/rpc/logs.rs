//! `eth_getLogs`: block by block, through the blooms of the headers.

use alloy::{
    eips::BlockNumberOrTag,
    rpc::types::{Filter, FilterBlockOption, Log},
};

use super::{Rpc, RpcError, RpcResult, types};

/// The logs that match a filter, in order.
pub(super) fn search(rpc: &Rpc, filter: &Filter) -> RpcResult<Vec<Log>> {
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
        check("logs found", found.len() as u64, rpc.config.max_logs)?;
    }
    Ok(found)
}

/// The blocks to search: those asked for that exist.
fn range(rpc: &Rpc, option: &FilterBlockOption) -> RpcResult<std::ops::RangeInclusive<u64>> {
    match *option {
        FilterBlockOption::AtBlockHash(hash) => {
            let number = rpc.resolve(hash.into())?;
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
            check("blocks to search", (to + 1).saturating_sub(from), rpc.config.max_log_blocks)?;
            Ok(from..=to)
        }
    }
}

fn check(what: &'static str, received: u64, maximum: u64) -> RpcResult<()> {
    if received > maximum {
        return Err(RpcError::LimitExceeded { what, received, maximum });
    }
    Ok(())
}
