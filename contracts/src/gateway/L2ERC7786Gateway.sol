// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {ERC7786Gateway} from "./ERC7786Gateway.sol";
import {Endpoint} from "./Endpoint.sol";
import {IERC7786Gateway} from "./IERC7786Gateway.sol";
import {L2Endpoint} from "./L2Endpoint.sol";

/// @title The L2 side of the ERC-7786 gateway
/// @dev Every message goes at once. Whoever executes it on L1 pays for its gas there, and must bring what is promised.
contract L2ERC7786Gateway is ERC7786Gateway, L2Endpoint {
    /// @param peer The L1 side.
    constructor(address peer, uint256 l1ChainId) Endpoint(peer) ERC7786Gateway(l1ChainId) {}

    /// @inheritdoc ERC7786Gateway
    function _send(uint256 id, address recipient, bytes calldata payload, Relay memory relay)
        internal
        override
        returns (bytes32, uint256)
    {
        uint64 promised = SafeCast.toUint64(_deliveryGas(payload.length, relay.gasLimit));
        _sendToPeer(
            relay.value,
            promised,
            abi.encodeCall(IERC7786Gateway.deliver, (id, msg.sender, recipient, relay.gasLimit, payload))
        );
        return (0, relay.value);
    }
}
