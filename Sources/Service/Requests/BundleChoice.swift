import Engine

/// Which bundle a request is for: the parameter `bundle`, in the query or as a form's field.
struct BundleChoice: Sendable {
    static let parameter = "bundle"

    let library: BundleLibrary

    /// What the bundle offers, as far as that is known before the body is: nil where a form's fields may still name another
    /// one, or where only its networks can tell.
    ///
    /// - Throws: `unknownBundle`, `brokenBundle`.
    func recipe(before reader: UploadReader, _ parameters: ParameterList) throws(RestorationError) -> RecipeDescription? {
        let name = parameters[Self.parameter]
        guard name != nil || !reader.form.mayHaveFields || library.statuses.count == 1 else { return nil }
        return try library.status(of: name).recipe
    }

    /// The bundle that a complete request is for, and what it offers. Where only its networks can tell, it is loaded.
    ///
    /// - Throws: `unknownBundle`, `brokenBundle`, and what loading it throws.
    func chosen(
        by parameters: ParameterList, deadline: ContinuousClock.Instant
    ) async throws(RestorationError) -> Chosen {
        let name = parameters[Self.parameter]
        let status = try library.status(of: name)
        if let recipe = status.recipe { return Chosen(name: status.name, recipe: recipe, lease: nil, library: library) }
        let lease = try await library.engine(named: name, deadline: deadline)
        return Chosen(name: status.name, recipe: lease.recipe, lease: lease, library: library)
    }

    /// A bundle that a request is for.
    struct Chosen: Sendable {
        let name: String
        let recipe: RecipeDescription
        fileprivate let lease: EngineLease?
        fileprivate let library: BundleLibrary

        /// Its engine, once it is in memory.
        ///
        /// - Parameter onWait: called where it is not in memory yet.
        /// - Throws: what loading it throws.
        func engine(
            by deadline: ContinuousClock.Instant, onWait: @Sendable () -> Void = {}
        ) async throws(RestorationError) -> EngineLease {
            if let lease { return lease }
            return try await library.engine(named: name, deadline: deadline, onWait: onWait)
        }
    }
}

extension UploadReader.Form {
    /// Whether parameters may come with the picture.
    fileprivate var mayHaveFields: Bool { if case .multipart = self { true } else { false } }
}
