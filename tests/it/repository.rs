//! What the repository says of itself.

use std::{collections::BTreeMap, fs};

use eyre::Result;
use postern_tests::repository;

/// The gas table of the README shows the committed figures, all of them.
#[test]
fn the_readme_shows_the_committed_gas() -> Result<()> {
    let readme = fs::read_to_string(repository().join("README.md"))?;
    let snapshot = fs::read(repository().join("contracts/snapshots/Peers.json"))?;
    let figures: BTreeMap<String, String> = serde_json::from_slice(&snapshot)?;
    assert!(!figures.is_empty());
    for (key, gas) in figures {
        let gas: u64 = gas.parse()?;
        let cell = format!("| `{key}` | {} |", grouped(gas));
        assert!(readme.contains(&cell), "README.md has no cell {cell:?}");
    }
    Ok(())
}

/// A number with a comma before each three digits.
fn grouped(number: u64) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1_000), number % 1_000),
    }
}
