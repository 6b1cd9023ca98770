// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IMessageQueue} from "./IMessageQueue.sol";
import {IOutboxVerifier} from "./IOutboxVerifier.sol";

/// @title The bridge
/// @notice Holds the ETH that is on L2, and is the only contract of the system that calls out. Deposits and claims touch
/// this contract and nothing else.
interface IBridge is IMessageQueue, IOutboxVerifier {}
