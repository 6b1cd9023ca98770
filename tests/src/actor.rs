use std::fmt;

/// Who acts. Each has one account, funded on L1 by Anvil; those with a role have the account that the devnet's
/// configuration names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Deploys the contracts.
    Deployer,
    /// Orders L2 transactions.
    Sequencer,
    /// Proposes commitments, truly.
    Proposer,
    /// Executes messages for others.
    Relayer,
    /// A user.
    Alice,
    /// Another.
    Bob,
    /// Anyone.
    Stranger,
    /// Proposes commitments, falsely.
    Mallory,
    /// Proposes to the timelock.
    Governance,
    /// Disputes false commitments, and defends true ones.
    Challenger,
}

impl Actor {
    /// Everyone.
    pub const ALL: [Self; 10] = [
        Self::Deployer,
        Self::Sequencer,
        Self::Proposer,
        Self::Relayer,
        Self::Alice,
        Self::Bob,
        Self::Stranger,
        Self::Mallory,
        Self::Governance,
        Self::Challenger,
    ];

    /// Position among Anvil's accounts.
    pub(crate) const fn account(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Deployer => "deployer",
            Self::Sequencer => "sequencer",
            Self::Proposer => "proposer",
            Self::Relayer => "relayer",
            Self::Alice => "Alice",
            Self::Bob => "Bob",
            Self::Stranger => "stranger",
            Self::Mallory => "Mallory",
            Self::Governance => "governance",
            Self::Challenger => "challenger",
        })
    }
}
