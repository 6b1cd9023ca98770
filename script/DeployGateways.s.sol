// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {VmSafe} from "forge-std/Vm.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {IBridge} from "../contracts/src/bridge/IBridge.sol";
import {IStateCommitmentChain} from "../contracts/src/chain/IStateCommitmentChain.sol";
import {FastExit} from "../contracts/src/gateway/FastExit.sol";
import {L1ERC7786Gateway} from "../contracts/src/gateway/L1ERC7786Gateway.sol";
import {L1NFTGateway} from "../contracts/src/gateway/L1NFTGateway.sol";
import {L1TokenGateway} from "../contracts/src/gateway/L1TokenGateway.sol";
import {L2ERC7786Gateway} from "../contracts/src/gateway/L2ERC7786Gateway.sol";
import {L2NFTGateway} from "../contracts/src/gateway/L2NFTGateway.sol";
import {L2StateReader} from "../contracts/src/gateway/L2StateReader.sol";
import {L2TokenGateway} from "../contracts/src/gateway/L2TokenGateway.sol";
import {RelayTip} from "../contracts/src/gateway/RelayTip.sol";
import {ICreate2Factory} from "../contracts/src/l2/ICreate2Factory.sol";
import {Predeploys} from "../contracts/src/libraries/Predeploys.sol";
import {Commitment} from "../contracts/src/types/Commitment.sol";
import {Output} from "../contracts/src/types/Output.sol";
import {Deployments} from "./Deployments.sol";

/// @title Deploys the gateways, on both chains, from L1
/// @notice Users of the bridge as any other: no contract of `Deploy.s.sol` knows them, none of them has an owner or can be upgraded, and anyone may
/// deploy others. Those of L2 are messages to its `Create2Factory`: they are there as soon as L2 has executed these.
///
///     forge script script/DeployGateways.s.sol --rpc-url $L1 --broadcast --private-key $KEY
///
/// | variable          | what                                                                  | default                              |
/// | ----------------- | --------------------------------------------------------------------- | ------------------------------------ |
/// | `DEPLOYMENTS_DIR` | the files of `Deploy.s.sol`; where `<Name>.json` goes, one for a contract | `deployments/<chainId>`          |
/// | `GENESIS`         | the L2's genesis, that of the deployment                              | `deployments/<chainId>/genesis.json` |
///
/// @dev Files are written with `--broadcast` only. `blockNumber` in them is a block of the contract's own chain before its deployment: on L2,
/// where that is not known yet, 0.
contract DeployGateways is Deployments {
    /// What was deployed, and will be on L2.
    struct Gateways {
        RelayTip relayTip;
        L1TokenGateway l1TokenGateway;
        L1NFTGateway l1NFTGateway;
        L1ERC7786Gateway l1ERC7786Gateway;
        FastExit fastExit;
        L2StateReader l2StateReader;
        address l2TokenGateway;
        address l2NFTGateway;
        address l2ERC7786Gateway;
    }

    /// The file names a contract that is not on this chain: it is of another L1, or of one that was started anew.
    error NotDeployed(string path, address missing);
    /// The genesis file is of another L2 than the deployment. Ids of the commitments that stand for them.
    error GenesisMismatch(bytes32 received, bytes32 expected);

    /// @dev What tells the contracts of L2 from those of others is who their peers are, which is in their code.
    bytes32 private constant SALT = 0;
    /// @dev Contracts of L2, each with a message, which is a transaction of its own.
    uint256 private constant MESSAGES = 3;
    /// @dev The price of L2 gas when a message is sent is at most so many times that when the script ran; the rest is on L2. It takes
    /// five full L1 blocks to double.
    uint256 private constant FEE_MARGIN = 2;
    /// @dev L2 gas to create a gateway with what its twins are clones of, and half as much again as that takes; calldata apart.
    uint64 private constant CREATION_GAS = 8_000_000;

    /// @notice Deploys to the chain that forge is connected to.
    /// @dev Returns nothing, or forge would take a revert of the script for a return value, and say so before the error.
    function run() external {
        string memory directory = _directory();
        Gateways memory gateways = deployFor(directory, _genesisPath());
        if (vm.isContext(VmSafe.ForgeContext.ScriptBroadcast)) write(gateways, directory);
    }

    /// @notice Deploys for the chain whose files are in `directory`.
    function deployFor(string memory directory, string memory genesisPath) public returns (Gateways memory gateways) {
        requireNotDeployed(directory);
        IBridge bridge = IBridge(readDeployed(directory, "Bridge"));
        IStateCommitmentChain stateCommitmentChain =
            IStateCommitmentChain(readDeployed(directory, "StateCommitmentChain"));
        uint256 l2ChainId = readL2ChainId(genesisPath, stateCommitmentChain);

        vm.startBroadcast();
        (, address deployer,) = vm.readCallers();
        vm.stopBroadcast();
        gateways = deploy(bridge, stateCommitmentChain, l2ChainId, deployer);
    }

    /// @notice Sends the contracts of L2, then deploys those of L1. In this order: the queue keeps it, so that no message of a gateway
    /// comes to L2 before its peer is there, where it would be lost.
    /// @param deployer The account that sends all this; its nonce says where the contracts of L1 will be.
    function deploy(IBridge bridge, IStateCommitmentChain stateCommitmentChain, uint256 l2ChainId, address deployer)
        public
        returns (Gateways memory gateways)
    {
        // Each pair's codes name each other's address: L1's follows from a nonce, L2's from its code.
        uint256 nonce = vm.getNonce(deployer) + MESSAGES;
        address relayTip = vm.computeCreateAddress(deployer, nonce);
        address tokenGateway = vm.computeCreateAddress(deployer, nonce + 1);
        address nftGateway = vm.computeCreateAddress(deployer, nonce + 2);
        address erc7786Gateway = vm.computeCreateAddress(deployer, nonce + 3);
        bytes memory l2TokenGateway =
            abi.encodePacked(type(L2TokenGateway).creationCode, abi.encode(tokenGateway, relayTip));
        bytes memory l2NFTGateway = abi.encodePacked(type(L2NFTGateway).creationCode, abi.encode(nftGateway, relayTip));
        bytes memory l2ERC7786Gateway =
            abi.encodePacked(type(L2ERC7786Gateway).creationCode, abi.encode(erc7786Gateway, block.chainid));
        gateways.l2TokenGateway = _addressOnL2(l2TokenGateway);
        gateways.l2NFTGateway = _addressOnL2(l2NFTGateway);
        gateways.l2ERC7786Gateway = _addressOnL2(l2ERC7786Gateway);

        vm.startBroadcast();
        _createOnL2(bridge, l2TokenGateway);
        _createOnL2(bridge, l2NFTGateway);
        _createOnL2(bridge, l2ERC7786Gateway);

        gateways.relayTip = new RelayTip(bridge);
        _requireAddress("RelayTip", address(gateways.relayTip), relayTip);
        gateways.l1TokenGateway = new L1TokenGateway(bridge, gateways.l2TokenGateway);
        _requireAddress("L1TokenGateway", address(gateways.l1TokenGateway), tokenGateway);
        gateways.l1NFTGateway = new L1NFTGateway(bridge, gateways.l2NFTGateway);
        _requireAddress("L1NFTGateway", address(gateways.l1NFTGateway), nftGateway);
        gateways.l1ERC7786Gateway = new L1ERC7786Gateway(bridge, gateways.l2ERC7786Gateway, l2ChainId);
        _requireAddress("L1ERC7786Gateway", address(gateways.l1ERC7786Gateway), erc7786Gateway);
        gateways.fastExit = new FastExit(bridge, tokenGateway);
        gateways.l2StateReader = new L2StateReader(stateCommitmentChain);
        vm.stopBroadcast();
    }

    /// @notice Where a contract of the deployment is.
    function readDeployed(string memory directory, string memory name) public view returns (address deployed) {
        string memory path = _path(directory, name);
        deployed = vm.parseJsonAddress(_readFile(name, path), ".address");
        if (deployed.code.length == 0) revert NotDeployed(path, deployed);
    }

    /// @notice Chain id of the L2, from a genesis file that must be that of the deployment.
    function readL2ChainId(string memory path, IStateCommitmentChain stateCommitmentChain)
        public
        view
        returns (uint256 l2ChainId)
    {
        string memory json = _readGenesis(path);
        l2ChainId = vm.parseJsonUint(json, ".l2ChainId");
        Output memory output;
        output.l2ChainId = l2ChainId;
        output.stateRoot = vm.parseJsonBytes32(json, ".stateRoot");
        output.blockHash = vm.parseJsonBytes32(json, ".blockHash");
        Commitment memory genesis;
        genesis.outputRoot = output.root();
        bytes32 expected = stateCommitmentChain.genesisCommitment();
        if (genesis.id() != expected) revert GenesisMismatch(genesis.id(), expected);
    }

    /// @notice Reverts if the directory's files name gateways that exist on this chain.
    function requireNotDeployed(string memory directory) public view {
        string[6] memory names =
            ["RelayTip", "L1TokenGateway", "L1NFTGateway", "L1ERC7786Gateway", "FastExit", "L2StateReader"];
        for (uint256 i; i < names.length; ++i) {
            _requireNotDeployed(directory, names[i]);
        }
    }

    /// @notice Writes a file for each contract.
    function write(Gateways memory gateways, string memory directory) public {
        vm.createDir(directory, true);
        _writeL1(directory, "RelayTip", address(gateways.relayTip));
        _writeL1(directory, "L1TokenGateway", address(gateways.l1TokenGateway));
        _writeL1(directory, "L1NFTGateway", address(gateways.l1NFTGateway));
        _writeL1(directory, "L1ERC7786Gateway", address(gateways.l1ERC7786Gateway));
        _writeL1(directory, "FastExit", address(gateways.fastExit));
        _writeL1(directory, "L2StateReader", address(gateways.l2StateReader));
        _writeL2(directory, "L2TokenGateway", gateways.l2TokenGateway);
        _writeL2(directory, "L2NFTGateway", gateways.l2NFTGateway);
        _writeL2(directory, "L2ERC7786Gateway", gateways.l2ERC7786Gateway);
    }

    /// @dev `block.number` is a block before the deployment.
    function _writeL1(string memory directory, string memory name, address deployed) private {
        _write(directory, name, deployed, address(0), block.number);
    }

    function _writeL2(string memory directory, string memory name, address deployed) private {
        _write(directory, name, deployed, address(0), 0);
    }

    /// @dev Sends a contract to L2. Whoever else deploys the same code there first has done the same.
    function _createOnL2(IBridge bridge, bytes memory initCode) private {
        bytes memory data = abi.encodeCall(ICreate2Factory.deploy, (SALT, initCode));
        uint64 gasLimit = bridge.minimumGasLimit(data.length) + CREATION_GAS;
        uint256 maxFee = FEE_MARGIN * bridge.quote(gasLimit);
        bridge.sendToL2{value: maxFee}(Predeploys.CREATE2_FACTORY, 0, gasLimit, maxFee, data);
    }

    function _addressOnL2(bytes memory initCode) private pure returns (address) {
        return Create2.computeAddress(SALT, keccak256(initCode), Predeploys.CREATE2_FACTORY);
    }
}
