import Bundles
import Checkpoints
import Compute
import Engine
import Foundation
import Testing

/// What `restored bench` times.
@Suite("Evaluations to be measured")
struct NetworkEvaluationTests {
    @Test(
        "every kind with one network has one, of any size and batch, and it multiplies",
        arguments: ["nafnet", "conditional-nafnet", "instructir", "restormer", "promptir"])
    func onePass(kind: String) throws {
        let bundle = try SinglePassBundle(kind, labels: ["hazy", "noisy"], classifier: kind == "conditional-nafnet")
        let evaluation = try RecipeRegistry.standard.evaluation(
            of: Bundles.Bundle.load(bundle.folder.path), engine: EngineConfiguration())
        #expect(evaluation.precision == .fp32 && evaluation.fixedSize == nil)
        let workspace = Workspace(threads: 1)
        var products: [Int] = []
        for batch in [1, 2] {
            let meter = OperationMeter()
            workspace.meter = meter
            evaluation(size: 37, batch: batch, in: workspace)
            products.append(meter.multiplyAdds)
        }
        #expect(products[0] > 0)
        #expect(products[1] > products[0])
    }

    @Test(
        "the card says whether its products may be narrow",
        arguments: ["nafnet", "conditional-nafnet", "instructir", "restormer", "promptir"])
    func precision(kind: String) throws {
        let bundle = try SinglePassBundle(kind, labels: ["hazy", "noisy"], classifier: kind == "conditional-nafnet")
        func expect(_ precision: Precision) throws {
            let loaded = try Bundles.Bundle.load(bundle.folder.path)
            let evaluation = try RecipeRegistry.standard.evaluation(of: loaded, engine: EngineConfiguration())
            #expect(evaluation.precision == precision)
            #expect(try bundle.engine().recipe.precisions == [kind: precision])
        }
        try expect(.fp32)
        let card = try Data(contentsOf: bundle.folder.appendingPathComponent("bundle.json"))
        var manifest = try #require(JSONSerialization.jsonObject(with: card) as? [String: Any])
        var section = try #require(manifest[kind] as? [String: Any])
        section["precisions"] = ["fp32", "bf16"]
        manifest[kind] = section
        try bundle.write(manifest)
        try expect(Workspace.multipliesPairs ? .bf16 : .fp32)
    }

    @Test("a kind with several networks has none, and says which have")
    func severalNetworks() throws {
        let bundle = try SinglePassBundle("nafnet", labels: ["noisy"], ["kind": "restorers"])
        let error = try #require(throws: BundleError.self) {
            try RecipeRegistry.standard.evaluation(
                of: Bundles.Bundle.load(bundle.folder.path), engine: EngineConfiguration())
        }
        #expect(error.description.contains("nafnet") && error.description.contains("found \"restorers\""), "\(error)")
    }
}
