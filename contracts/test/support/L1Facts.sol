// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BlockHeader} from "@openzeppelin/contracts/utils/BlockHeader.sol";
import {IL1Info} from "../../src/l2/IL1Info.sol";
import {Predeploys} from "../../src/libraries/Predeploys.sol";
import {StateProofs} from "./StateProofs.sol";

/// @notice For L2: checks facts of L1 with nothing but `L1Info` to go by, as an application would.
contract L1Facts is StateProofs {
    /// The header is not that of the L1 origin.
    error HeaderMismatch(bytes32 received, bytes32 expected);
    /// `L1Info` says something else than the header that it names.
    error FactMismatch(bytes32 received, bytes32 expected);

    IL1Info public constant L1_INFO = IL1Info(Predeploys.L1_INFO);

    /// @notice The L1 state root at the origin, after every fact in `L1Info` was found in the header.
    function stateRoot(bytes memory header) external view returns (bytes32) {
        bytes32 hash = keccak256(header);
        if (hash != L1_INFO.blockHash()) revert HeaderMismatch(hash, L1_INFO.blockHash());
        _check(bytes32(uint256(L1_INFO.number())), bytes32(BlockHeader.getNumber(header)));
        _check(bytes32(uint256(L1_INFO.timestamp())), bytes32(BlockHeader.getTimestamp(header)));
        _check(L1_INFO.beaconRoot(), BlockHeader.getParentBeaconBlockRoot(header));
        return BlockHeader.getStateRoot(header);
    }

    function _check(bytes32 received, bytes32 expected) private pure {
        if (received != expected) revert FactMismatch(received, expected);
    }
}
