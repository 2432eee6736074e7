import Bundles
import Threads

extension RecipeEngine {
    /// Loads listed bundles for engines that share workers.
    package static func loader(
        on workers: RecipeWorkers, recipes: RecipeRegistry = .standard
    ) -> BundleLibrary.Loader {
        { listing, number in
            let pool = JobPool(size: workers.configuration.workers * workers.configuration.threadsPerEvaluation)
            let bundle = try Bundles.Bundle.load(listing.folder) { pool.run($0, $1) }
            let contents = try listing.contents.get()
            guard bundle.manifestDigest == contents.manifestDigest else {
                throw ChangedBundle(BundleListing(folder: listing.folder, recipes: recipes))
            }
            let recipe = try recipes.recipe(for: bundle, engine: workers.configuration)
            let engine = RecipeEngine(recipe, of: contents.summary, on: workers, number: number)
            return (engine, recipe.weightBytes ?? bundle.weightBytes)
        }
    }
}
