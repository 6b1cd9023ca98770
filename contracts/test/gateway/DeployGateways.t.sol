// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";
import {IMessageQueue} from "../../src/bridge/IMessageQueue.sol";
import {IEndpoint} from "../../src/gateway/IEndpoint.sol";
import {IL1Endpoint} from "../../src/gateway/IL1Endpoint.sol";
import {L2ERC7786Gateway} from "../../src/gateway/L2ERC7786Gateway.sol";
import {L2NFTGateway} from "../../src/gateway/L2NFTGateway.sol";
import {L2TokenGateway} from "../../src/gateway/L2TokenGateway.sol";
import {Predeploys} from "../../src/libraries/Predeploys.sol";
import {Commitment} from "../../src/types/Commitment.sol";
import {Output} from "../../src/types/Output.sol";
import {DeployGateways} from "../../../script/DeployGateways.s.sol";
import {Deployments} from "../../../script/Deployments.sol";
import {PosternTest} from "../support/PosternTest.sol";

contract DeployGatewaysTest is PosternTest {
    /// Gas of an L2 transaction before its first instruction, at the most: by the byte of calldata (EIP-7623), and at all.
    uint256 private constant BYTE_GAS = 16;
    uint256 private constant BASE_GAS = 21_000;

    DeployGateways private gatewaysScript;

    function setUp() public override {
        super.setUp();
        gatewaysScript = DeployGateways(vm.deployCode("DeployGateways.s.sol:DeployGateways"));
        vm.etch(Predeploys.CREATE2_FACTORY, vm.getDeployedCode("Create2Factory.sol:Create2Factory"));
        // Forge's own account sends.
        vm.deal(DEFAULT_SENDER, 1 ether);
    }

    // ----------------------------------------------------------------------------------------------- wiring

    function test_Deploy_WiresPairs() public {
        DeployGateways.Gateways memory gateways = deployGateways();
        createOnL2();

        expectPair(address(gateways.l1TokenGateway), gateways.l2TokenGateway);
        expectPair(address(gateways.l1NFTGateway), gateways.l2NFTGateway);
        expectPair(address(gateways.l1ERC7786Gateway), gateways.l2ERC7786Gateway);
        assertEq(L2TokenGateway(gateways.l2TokenGateway).RELAY_TIP(), address(gateways.relayTip));
        assertEq(L2NFTGateway(gateways.l2NFTGateway).RELAY_TIP(), address(gateways.relayTip));
        assertEq(gateways.l1ERC7786Gateway.PEER_CHAIN_ID(), L2_CHAIN_ID);
        assertEq(L2ERC7786Gateway(gateways.l2ERC7786Gateway).PEER_CHAIN_ID(), block.chainid);
        assertEq(address(gateways.relayTip.BRIDGE()), address(bridge));
        assertEq(address(gateways.fastExit.BRIDGE()), address(bridge));
        assertEq(gateways.fastExit.TOKEN_GATEWAY(), address(gateways.l1TokenGateway));
        assertEq(address(gateways.l2StateReader.STATE_COMMITMENT_CHAIN()), address(stateCommitmentChain));
    }

    /// As long as a gateway has no peer on L2, there is none on L1 whose messages could be lost there: an account's transactions come
    /// in order of their nonces.
    function test_Deploy_SendsToL2First() public {
        uint256 nonce = vm.getNonce(DEFAULT_SENDER);
        DeployGateways.Gateways memory gateways = deployGateways();
        assertEq(queued().length, 3);
        assertEq(address(gateways.relayTip), vm.computeCreateAddress(DEFAULT_SENDER, nonce + 3));
        assertEq(address(gateways.l1TokenGateway), vm.computeCreateAddress(DEFAULT_SENDER, nonce + 4));
        assertEq(address(gateways.l1NFTGateway), vm.computeCreateAddress(DEFAULT_SENDER, nonce + 5));
        assertEq(address(gateways.l1ERC7786Gateway), vm.computeCreateAddress(DEFAULT_SENDER, nonce + 6));
    }

    /// Whoever else sends the same to L2 first has only done the same.
    function test_Deploy_ComesToTheSameIfOnL2Already() public {
        vm.recordLogs();
        DeployGateways.Gateways memory gateways = deployGateways();
        Vm.Log[] memory messages = queued();
        (address target, bytes memory data,) = decode(messages[0]);
        vm.prank(STRANGER);
        (bool success, bytes memory returned) = target.call(data);
        assertTrue(success);
        assertEq(abi.decode(returned, (address)), gateways.l2TokenGateway);
        assertEq(L2TokenGateway(gateways.l2TokenGateway).PEER(), address(gateways.l1TokenGateway));
        // The message of the deployment comes to nothing.
        vm.prank(DEFAULT_SENDER);
        (success,) = target.call(data);
        assertFalse(success);
    }

    /// Two deployments on the same chain are apart, on L2 too.
    function test_Deploy_Twice() public {
        DeployGateways.Gateways memory first = deployGateways();
        // A block has not room for both.
        mine(1);
        DeployGateways.Gateways memory second = deployGateways();
        assertNotEq(first.l2TokenGateway, second.l2TokenGateway);
        assertNotEq(first.l2NFTGateway, second.l2NFTGateway);
        assertNotEq(first.l2ERC7786Gateway, second.l2ERC7786Gateway);
        assertEq(second.l1TokenGateway.PEER(), second.l2TokenGateway);
    }

    // -------------------------------------------------------------------------------------------- bad input

    function test_RevertWhen_DeployerIsAnother() public {
        // The addresses are predicted from another account's nonce, as if a transaction came in between.
        address predicted = vm.computeCreateAddress(STRANGER, vm.getNonce(STRANGER) + 3);
        address actual = vm.computeCreateAddress(DEFAULT_SENDER, vm.getNonce(DEFAULT_SENDER) + 3);
        vm.expectRevert(abi.encodeWithSelector(Deployments.AddressMismatch.selector, "RelayTip", actual, predicted));
        gatewaysScript.deploy(bridge, stateCommitmentChain, L2_CHAIN_ID, STRANGER);
    }

    function test_RevertWhen_FileIsMissing() public {
        vm.expectRevert(
            abi.encodeWithSelector(Deployments.FileMissing.selector, "Bridge", "target/forge/nowhere/Bridge.json")
        );
        gatewaysScript.readDeployed("target/forge/nowhere", "Bridge");
        vm.expectRevert(
            abi.encodeWithSelector(
                Deployments.FileMissing.selector,
                "genesis (make it with `postern-node genesis`)",
                "deployments/none.json"
            )
        );
        gatewaysScript.readL2ChainId("deployments/none.json", stateCommitmentChain);
    }

    /// The files are of a deployment on another L1, or on one that was started anew.
    function test_RevertWhen_NothingIsDeployed() public {
        string memory directory = "target/forge/gateways-elsewhere";
        script.write(deployment, directory);
        assertEq(gatewaysScript.readDeployed(directory, "Bridge"), address(bridge));
        vm.etch(address(bridge), "");
        vm.expectRevert(
            abi.encodeWithSelector(
                DeployGateways.NotDeployed.selector, string.concat(directory, "/Bridge.json"), address(bridge)
            )
        );
        gatewaysScript.readDeployed(directory, "Bridge");
        vm.removeDir(directory, true);
    }

    /// The chain id in the genesis file counts only if it is the one that L1 knows.
    function test_RevertWhen_GenesisIsOfAnotherL2() public {
        string memory directory = "target/forge/gateways-genesis";
        vm.createDir(directory, true);
        Output memory genesis = makeOutput({batchCount: 0, outboxRoot: 0});
        string memory path = writeGenesis(directory, genesis);
        assertEq(gatewaysScript.readL2ChainId(path, stateCommitmentChain), L2_CHAIN_ID);

        genesis.l2ChainId = L2_CHAIN_ID + 1;
        path = writeGenesis(directory, genesis);
        Commitment memory received;
        received.outputRoot = genesis.root();
        vm.expectRevert(
            abi.encodeWithSelector(
                DeployGateways.GenesisMismatch.selector, received.id(), stateCommitmentChain.genesisCommitment()
            )
        );
        gatewaysScript.readL2ChainId(path, stateCommitmentChain);
        vm.removeDir(directory, true);
    }

    // ------------------------------------------------------------------------------------------------ files

    /// As a user runs it, but for the environment, which all tests share, and the sending: from the files of the deployment.
    function test_DeployFor_ReadsTheDeployment() public {
        string memory directory = "target/forge/gateways-run";
        script.write(deployment, directory);
        string memory genesisPath = writeGenesis(directory, makeOutput({batchCount: 0, outboxRoot: 0}));
        DeployGateways.Gateways memory gateways = gatewaysScript.deployFor(directory, genesisPath);
        assertEq(address(gateways.l1TokenGateway.BRIDGE()), address(bridge));
        assertEq(address(gateways.l2StateReader.STATE_COMMITMENT_CHAIN()), address(stateCommitmentChain));
        assertEq(gateways.l1ERC7786Gateway.PEER_CHAIN_ID(), L2_CHAIN_ID);
        vm.removeDir(directory, true);
    }

    function test_Write_NamesWhatIsThere() public {
        string memory directory = "target/forge/gateways-write";
        DeployGateways.Gateways memory gateways = deployGateways();
        gatewaysScript.write(gateways, directory);
        expectFile(directory, "L2TokenGateway", gateways.l2TokenGateway, 0);
        expectFile(directory, "L2NFTGateway", gateways.l2NFTGateway, 0);
        expectFile(directory, "L2ERC7786Gateway", gateways.l2ERC7786Gateway, 0);

        // On a chain that was started anew nothing of it is left; until then each contract is in the way.
        string[6] memory names =
            ["RelayTip", "L1TokenGateway", "L1NFTGateway", "L1ERC7786Gateway", "FastExit", "L2StateReader"];
        address[6] memory addresses = [
            address(gateways.relayTip),
            address(gateways.l1TokenGateway),
            address(gateways.l1NFTGateway),
            address(gateways.l1ERC7786Gateway),
            address(gateways.fastExit),
            address(gateways.l2StateReader)
        ];
        for (uint256 i; i < names.length; ++i) {
            expectFile(directory, names[i], addresses[i], vm.getBlockNumber());
            string memory path = string.concat(directory, "/", names[i], ".json");
            vm.expectRevert(abi.encodeWithSelector(Deployments.AlreadyDeployed.selector, path, addresses[i]));
            gatewaysScript.requireNotDeployed(directory);
            vm.etch(addresses[i], "");
        }
        gatewaysScript.requireNotDeployed(directory);
        vm.removeDir(directory, true);
    }

    // ---------------------------------------------------------------------------------------------- helpers

    function deployGateways() private returns (DeployGateways.Gateways memory) {
        vm.recordLogs();
        return gatewaysScript.deploy(bridge, stateCommitmentChain, L2_CHAIN_ID, DEFAULT_SENDER);
    }

    /// @dev The messages to L2 since the logs are recorded.
    function queued() private returns (Vm.Log[] memory messages) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        messages = new Vm.Log[](3);
        uint256 count;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == IMessageQueue.MessageQueued.selector) messages[count++] = logs[i];
        }
        assertEq(count, 3);
    }

    function decode(Vm.Log memory message) private pure returns (address target, bytes memory data, uint64 gasLimit) {
        target = address(uint160(uint256(message.topics[3])));
        (,, gasLimit,, data,) = abi.decode(message.data, (uint256, uint256, uint64, uint256, bytes, uint64));
    }

    /// @dev Runs the messages to the factory, each with the gas that it bought.
    function createOnL2() private {
        Vm.Log[] memory messages = queued();
        for (uint256 i; i < messages.length; ++i) {
            (address target, bytes memory data, uint64 gasLimit) = decode(messages[i]);
            assertEq(target, Predeploys.CREATE2_FACTORY);
            vm.prank(address(uint160(uint256(messages[i].topics[2]))));
            (bool success,) = target.call{gas: gasLimit - BASE_GAS - BYTE_GAS * data.length}(data);
            assertTrue(success);
        }
    }

    function expectPair(address l1, address l2) private view {
        assertGt(l2.code.length, 0);
        assertEq(IEndpoint(l1).PEER(), l2);
        assertEq(IEndpoint(l2).PEER(), l1);
        assertEq(address(IL1Endpoint(l1).BRIDGE()), address(bridge));
    }

    function writeGenesis(string memory directory, Output memory genesis) private returns (string memory path) {
        path = string.concat(directory, "/genesis.json");
        vm.serializeUint("genesis", "l2ChainId", genesis.l2ChainId);
        vm.serializeBytes32("genesis", "stateRoot", genesis.stateRoot);
        vm.writeJson(vm.serializeBytes32("genesis", "blockHash", genesis.blockHash), path);
    }

    function expectFile(string memory directory, string memory name, address deployed, uint256 blockNumber)
        private
        view
    {
        string memory json = vm.readFile(string.concat(directory, "/", name, ".json"));
        assertEq(vm.parseJsonAddress(json, ".address"), deployed);
        assertEq(vm.parseJsonUint(json, ".blockNumber"), blockNumber);
    }
}
