package import Bundles
package import Checkpoints
package import Compute

/// One evaluation of one of a bundle's networks on numbers made up, for measuring: what `restored bench` times.
package struct NetworkEvaluation: Sendable {
    /// Evaluates pictures of `size` x `size`, as many as `batch`.
    package typealias Body = @Sendable (_ size: Int, _ batch: Int, _ workspace: Workspace) -> Void

    /// Reads a network of a bundle, alone.
    ///
    /// Throws `BundleError` where its sizes or tensors don't fit.
    package typealias Reader = @Sendable (_ bundle: Bundles.Bundle, _ engine: EngineConfiguration) throws -> NetworkEvaluation

    /// Of the network's large products.
    package let precision: Precision
    /// The only side of pictures that the network takes, in pixels; nil for any.
    package let fixedSize: Int?
    private let body: Body

    init(precision: Precision, fixedSize: Int? = nil, _ body: @escaping Body) {
        self.precision = precision
        self.fixedSize = fixedSize
        self.body = body
    }

    package func callAsFunction(size: Int, batch: Int, in workspace: Workspace) { body(size, batch, workspace) }

    /// Numbers in 0...1 that are not all the same.
    static func numbers(_ count: Int) -> [Float] { (0..<count).map { Float($0 % 251) / 250 } }
}
