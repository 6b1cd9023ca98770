//! What carries a batch's data to L1, calldata or blobs, and what each costs. The same data goes either way, so this is decided
//! when a batch is posted, by the prices of that moment.

use std::fmt;

use alloy::eips::{
    eip4844::DATA_GAS_PER_BLOB,
    eip7594::MAX_BLOBS_PER_TX_FUSAKA,
    eip7623::{STANDARD_TOKEN_COST, tokens_in_calldata, transaction_floor_cost},
};
use postern_protocol::{blob::PAYLOAD, constants::MAX_BATCH_DATA};

/// L1 gas that any transaction costs.
const TRANSACTION_GAS: u64 = 21_000;
/// L1 gas of appending a batch, besides what its transaction and its data cost.
const APPEND_GAS: u64 = 57_000;
/// Most bytes of data that blobs carry: L1 takes so many blobs in one transaction (EIP-7594).
const MAX_BLOB_DATA: usize = MAX_BLOBS_PER_TX_FUSAKA as usize * PAYLOAD;

/// What the operator wants batches' data to go by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum DataSource {
    /// Whichever is cheaper when a batch is posted.
    #[default]
    Auto,
    /// Calldata, also where blobs would be cheaper. Batches are smaller.
    Calldata,
    /// Blobs, also where calldata would be cheaper.
    Blobs,
}

impl DataSource {
    /// The longest encoding of blocks, in bytes, whose data can certainly be carried: data is never longer than this encoding,
    /// and how much shorter compression makes it is known only at the end.
    pub(crate) const fn capacity(self) -> usize {
        match self {
            Self::Calldata => MAX_BATCH_DATA,
            Self::Auto | Self::Blobs => MAX_BLOB_DATA,
        }
    }
}

/// What carries the data of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// The input of the transaction.
    Calldata,
    /// The blobs of the transaction.
    Blobs,
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Calldata => "calldata",
            Self::Blobs => "blobs",
        })
    }
}

/// What L1 asks for at present, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prices {
    /// For one gas: base fee and tip.
    pub(crate) gas: u128,
    /// For one blob gas; none on an L1 without blobs.
    pub(crate) blob_gas: Option<u128>,
}

/// What posting a batch costs, in wei, by what can carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    /// None if the data is too long.
    pub(crate) calldata: Option<u128>,
    /// None if the data is too long, or L1 has no blobs.
    pub(crate) blobs: Option<u128>,
}

impl Quote {
    /// The costs of posting `data`.
    pub(crate) fn new(data: &[u8], prices: Prices) -> Self {
        let wei = |gas: u64| u128::from(gas).saturating_mul(prices.gas);
        let tokens = tokens_in_calldata(data);
        // EIP-7623: either what calldata and execution cost, or a higher price for calldata alone.
        let standard = TRANSACTION_GAS + APPEND_GAS + STANDARD_TOKEN_COST * tokens;
        let calldata = wei(standard.max(transaction_floor_cost(tokens)));
        let blob_gas = data.len().div_ceil(PAYLOAD).max(1) as u64 * DATA_GAS_PER_BLOB;
        let blobs = prices
            .blob_gas
            .map(|price| wei(TRANSACTION_GAS + APPEND_GAS).saturating_add(u128::from(blob_gas).saturating_mul(price)));
        Self {
            calldata: (data.len() <= MAX_BATCH_DATA).then_some(calldata),
            blobs: blobs.filter(|_| data.len() <= MAX_BLOB_DATA),
        }
    }

    /// The other carrier, if it can carry the data.
    pub(crate) fn other(&self, carrier: Carrier) -> Option<Carrier> {
        match carrier {
            Carrier::Calldata => self.blobs.map(|_| Carrier::Blobs),
            Carrier::Blobs => self.calldata.map(|_| Carrier::Calldata),
        }
    }

    /// What is to carry the data, and why. None if nothing can: only on an L1 that has lost its blobs.
    pub(crate) fn choose(&self, wanted: DataSource) -> Option<(Carrier, &'static str)> {
        match (self.calldata, self.blobs, wanted) {
            (None, None, _) => None,
            (None, Some(_), _) => Some((Carrier::Blobs, "the data is too long for calldata")),
            (Some(_), None, _) => Some((Carrier::Calldata, "L1 has no blobs")),
            (_, _, DataSource::Calldata) => Some((Carrier::Calldata, "the operator's choice")),
            (_, _, DataSource::Blobs) => Some((Carrier::Blobs, "the operator's choice")),
            (Some(calldata), Some(blobs), DataSource::Auto) if blobs < calldata => {
                Some((Carrier::Blobs, "blobs are cheaper"))
            }
            (Some(_), Some(_), DataSource::Auto) => Some((Carrier::Calldata, "calldata is not dearer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GWEI: u128 = 1_000_000_000;

    fn quote(data: &[u8], gas: u128, blob_gas: u128) -> Quote {
        Quote::new(data, Prices { gas, blob_gas: Some(blob_gas) })
    }

    #[test]
    fn calldata_costs_the_floor_once_it_is_most_of_the_transaction() {
        // 1,000 bytes of four tokens each: 16 gas a byte and execution.
        assert_eq!(quote(&[1; 1_000], 1, 1).calldata, Some(21_000 + 57_000 + 16_000));
        // 40 gas a byte.
        assert_eq!(quote(&[1; 10_000], 2, 1).calldata, Some(2 * (21_000 + 400_000)));
        // A zero byte is one token.
        assert_eq!(quote(&[0; 10_000], 1, 1).calldata, Some(21_000 + 100_000));
    }

    #[test]
    fn blobs_cost_the_same_however_full() {
        let one = Some(78_000 * 2 + 131_072 * 3);
        assert_eq!(quote(&[], 2, 3).blobs, one);
        assert_eq!(quote(&vec![1; PAYLOAD], 2, 3).blobs, one);
        assert_eq!(quote(&vec![1; PAYLOAD + 1], 2, 3).blobs, Some(78_000 * 2 + 2 * 131_072 * 3));
    }

    #[test]
    fn the_cheaper_is_chosen_by_the_prices_of_the_moment() {
        let choose = |length, gas, blob_gas| quote(&vec![1; length], gas, blob_gas).choose(DataSource::Auto).unwrap().0;
        // Blobs for next to nothing.
        assert_eq!(choose(100_000, GWEI, 1), Carrier::Blobs);
        // A few bytes do not pay for a blob that costs as much as gas, nor when blobs are dear.
        assert_eq!(choose(100, GWEI, GWEI), Carrier::Calldata);
        assert_eq!(choose(100_000, GWEI, 100 * GWEI), Carrier::Calldata);
        // The same prices, more data.
        assert_eq!(choose(100_000, GWEI, GWEI), Carrier::Blobs);
        assert_eq!(choose(100, 0, 0), Carrier::Calldata);
    }

    #[test]
    fn the_operator_decides_unless_only_one_can_carry_the_data() {
        let choose = |length, blob_gas, wanted| {
            Quote::new(&vec![1; length], Prices { gas: GWEI, blob_gas }).choose(wanted).map(|(carrier, _)| carrier)
        };
        for (length, blob_gas, wanted, expected) in [
            (100_000, Some(1), DataSource::Calldata, Some(Carrier::Calldata)),
            (100, Some(1_000 * GWEI), DataSource::Blobs, Some(Carrier::Blobs)),
            (MAX_BATCH_DATA, Some(1), DataSource::Calldata, Some(Carrier::Calldata)),
            (MAX_BATCH_DATA + 1, Some(1), DataSource::Calldata, Some(Carrier::Blobs)),
            (MAX_BATCH_DATA + 1, Some(1_000 * GWEI), DataSource::Auto, Some(Carrier::Blobs)),
            (MAX_BLOB_DATA, Some(1), DataSource::Auto, Some(Carrier::Blobs)),
            (100, None, DataSource::Auto, Some(Carrier::Calldata)),
            (100, None, DataSource::Blobs, Some(Carrier::Calldata)),
            (MAX_BATCH_DATA + 1, None, DataSource::Auto, None),
            (MAX_BLOB_DATA + 1, Some(1), DataSource::Auto, None),
        ] {
            assert_eq!(choose(length, blob_gas, wanted), expected, "{length} {blob_gas:?} {wanted:?}");
        }
    }

    #[test]
    fn capacity_is_what_the_carrier_surely_takes() {
        assert_eq!(DataSource::Calldata.capacity(), 120_000);
        assert_eq!(DataSource::Auto.capacity(), 6 * 126_976);
        assert_eq!(DataSource::Blobs.capacity(), 6 * 126_976);
        assert!(DataSource::Auto.capacity() <= postern_protocol::constants::MAX_BATCH_CONTENT);
    }
}
