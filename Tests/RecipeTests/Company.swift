import Engine
import Images
import Testing

/// Each of several clients at once gets what it gets alone, from two workers as from one.
///
/// - Parameter options: of a client, by its number.
func expectCompanyChangesNothing(
    _ pictures: [Picture], of bundle: SinglePassBundle, options: @escaping @Sendable (_ client: Int) -> RestorationOptions
) async throws {
    let (engine, alone) = (try bundle.engine { $0.workers = 2 }, try bundle.engine())
    var expected: [Picture] = []
    for (number, picture) in pictures.enumerated() {
        expected.append(try await alone.restore(picture, options: options(number)) { _ in }.picture)
    }
    try await withThrowingTaskGroup(of: (Int, Picture).self) { group in
        for (number, picture) in pictures.enumerated() {
            group.addTask { (number, try await engine.restore(picture, options: options(number)) { _ in }.picture) }
        }
        for try await (number, restored) in group { #expect(restored == expected[number], "client \(number)") }
    }
}
