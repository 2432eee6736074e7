import Bundles
import Compute
import Engine
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
