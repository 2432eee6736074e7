extension BundleShelf {
    /// Takes up which bundles there are now, the default one first. What has not changed stays as it is. What has changed
    /// takes its place once it is loaded, where an older edition is in memory, which serves until then and also where the
    /// new one turns out to be broken.
    mutating func list(_ listings: [BundleListing], effects: inout Effects) {
        let old = names
        var new: [String] = []
        let sound = Set(listings.filter(\.isSound).map(\.name))
        for listing in listings {
            let name = name(of: listing)
            if case .failure(let fault) = listing.contents, sound.contains(name) {
                let reason = "\(fault); another one has that name, and \(listing.folder) is left out"
                effects.events.append(.failed(name, BundleFault(reason: reason)))
                continue
            }
            if new.contains(name) {
                effects.events.append(.failed(name, BundleFault(reason: "another one has that name; \(listing.folder) is left out")))
                continue
            }
            new.append(name)
            take(listing, as: name, effects: &effects)
        }
        setNames(new)
        for name in old where !new.contains(name) {
            guard let number = current.removeValue(forKey: name) else { continue }
            withdrawCandidate(of: name, effects: &effects)
            for waiter in editions[number]?.waiters ?? [] {
                effects.answers.append((waiter, .failure(.unknownBundle(name, known: new))))
            }
            editions[number]?.waiters = []
            effects.events.append(.removed(name))
            retire(number, effects: &effects)
        }
        advance(&effects)
    }

    /// One that can't be read any more has no name but that of its folder.
    private func name(of listing: BundleListing) -> String {
        guard case .failure = listing.contents else { return listing.name }
        return names.first { current[$0].flatMap { editions[$0] }?.listing.folder == listing.folder } ?? listing.name
    }

    private mutating func take(_ listing: BundleListing, as name: String, effects: inout Effects) {
        withdrawCandidate(of: name, effects: &effects)
        if case .failure(let fault) = listing.contents {
            countFailure(of: name)
            effects.events.append(.failed(name, fault))
        }
        guard let edition = current[name].flatMap({ editions[$0] }) else {
            add(listing, as: name)
            return
        }
        if let contents = try? listing.contents.get(), contents == edition.contents, listing.folder == edition.listing.folder {
            // What was amiss with its files may have been mended.
            editions[edition.number]?.fault = nil
        } else if edition.engine == nil {
            let replacement = add(listing, as: name)
            move(waitersOf: edition.number, to: replacement, effects: &effects)
            retire(edition.number, effects: &effects)
        } else if listing.isSound {
            // The edition in memory serves until this one can.
            replaceCandidate(by: listing, of: name, effects: &effects)
        }
    }

    /// What was to be loaded is another bundle by now. It takes the edition's place, with those who wait for it, unless it has
    /// another name or can't be read, which is told when the folder is listed again.
    mutating func finishLoading(_ number: Int, of now: BundleListing, _ fault: BundleFault, effects: inout Effects) {
        guard let edition = editions[number], edition.isRetired || now.isSound && now.name == edition.name else {
            finishLoading(number, .failure(fault), effects: &effects)
            return
        }
        endLoading(number)
        if edition.isRetired {
            retire(number, effects: &effects)
        } else if candidates[edition.name] == number {
            replaceCandidate(by: now, of: edition.name, effects: &effects)
        } else {
            let replacement = add(now, as: edition.name)
            move(waitersOf: number, to: replacement, effects: &effects)
            retire(number, effects: &effects)
        }
        advance(&effects)
    }

    private mutating func replaceCandidate(by listing: BundleListing, of name: String, effects: inout Effects) {
        withdrawCandidate(of: name, effects: &effects)
        let candidate = makeNumber()
        editions[candidate] = Edition(listing, name: name, number: candidate)
        candidates[name] = candidate
        enqueue(candidate)
    }

    @discardableResult
    private mutating func add(_ listing: BundleListing, as name: String) -> Int {
        let number = makeNumber()
        editions[number] = Edition(listing, name: name, number: number)
        current[name] = number
        return number
    }

    private mutating func withdrawCandidate(of name: String, effects: inout Effects) {
        guard let candidate = candidates.removeValue(forKey: name) else { return }
        retire(candidate, effects: &effects)
    }

    /// Those who waited for an edition get what has taken its place.
    mutating func move(waitersOf old: Int, to new: Int, effects: inout Effects) {
        guard let waiters = editions[old]?.waiters, !waiters.isEmpty else { return }
        editions[old]?.waiters = []
        if let edition = editions[new], let fault = edition.fault {
            for waiter in waiters {
                effects.answers.append((waiter, .failure(.brokenBundle(edition.name, reason: fault.description))))
            }
        } else {
            editions[new]?.waiters = waiters
            enqueue(new)
        }
    }
}
