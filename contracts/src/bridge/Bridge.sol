// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {ICanonicalTransactionChain} from "../chain/ICanonicalTransactionChain.sol";
import {IStateCommitmentChain} from "../chain/IStateCommitmentChain.sol";
import {MeteringConfig} from "../libraries/Metering.sol";
import {IBridge} from "./IBridge.sol";
import {MessageQueue} from "./MessageQueue.sol";
import {OutboxVerifier} from "./OutboxVerifier.sol";

/// @title The bridge
/// @dev Invariant: the ETH held here is at least the ETH on L2 plus the value of messages that were sent to L1 and not yet
/// executed. ETH comes in through `sendToL2` alone, and all of it appears on L2: `mint` at the sender, `fee` at the
/// `FeeVault`, which sends it back through the `Outbox`. It leaves through executed messages alone. There is no `receive`:
/// ETH sent without a message is refused.
///
/// Messages call as this contract. So it must never hold tokens or approvals, nor be given a role anywhere.
///
/// Storage, a row for a slot, its high end first, sizes in bits:
///
///     0 | queue hash 256                                             |
///     1 | price 64 | gasBought 64 | blockNumber 64 | count 64        |
///     2 | mapping: commitment id => outbox root 256                  |
///     3 | mapping: leaf => commitment id => unused 248 | proven 8    |
///     4 | mapping: index / 256 => bit (index % 256): was executed    |
///
/// In transient storage, slot 0: the L2 sender of the message in execution.
contract Bridge is IBridge, MessageQueue, OutboxVerifier, Initializable {
    /// @param canonicalTransactionChain Proxy of the peer.
    /// @param stateCommitmentChain Proxy of the peer.
    /// @param metering The market for L2 gas.
    constructor(
        ICanonicalTransactionChain canonicalTransactionChain,
        IStateCommitmentChain stateCommitmentChain,
        MeteringConfig memory metering
    ) MessageQueue(metering) OutboxVerifier(canonicalTransactionChain, stateCommitmentChain) {
        _disableInitializers();
    }

    /// @notice Opens the market for L2 gas, at its lowest price.
    function initialize() external initializer {
        _openMarket();
    }
}
