// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery} from "./Delivery.sol";
import {IEndpoint} from "./IEndpoint.sol";

/// @title The L2 end of a pair
/// @notice A message from L1 runs once. So a call of the peer that fails is recorded here, with its ETH, and anyone may try it
/// again. Calls are tried in the order of their messages; one that failed does not hold up those after it.
interface IL2Endpoint is IEndpoint {
    /// A call of the peer failed. `reason` is the first 256 bytes of what it gave as the reason; empty if its gas ran out.
    event DeliveryFailed(bytes32 indexed id, Delivery delivery, bytes reason);
    /// A call of the peer that had failed was made up for.
    event Redelivered(bytes32 indexed id);

    /// No such delivery has failed, or it was made up for.
    error NotUndelivered(bytes32 id);
    /// It failed once more, and waits on. `reason` is cut to 256 bytes.
    error DeliveryFailedAgain(bytes32 id, bytes reason);

    /// @notice Tries a delivery that failed again, with all gas but a 64th, and at least what it was offered at first, up to
    /// 15 million. By anyone.
    /// @dev It runs as if the peer's message had just arrived. Reverts if it fails again, and with `IOutboxVerifier.InsufficientGas`
    /// if less gas than that is left.
    function redeliver(Delivery calldata delivery) external;

    /// @notice How many deliveries of this id have failed and wait.
    function undelivered(bytes32 id) external view returns (uint256);

    /// @notice When the last of them failed, in L2 seconds; zero if none did.
    function failedAt(bytes32 id) external view returns (uint64);
}
