import ApolloAPI

extension DocentAPI {
  /// A string of digits: it may be larger than a double is exact.
  typealias BigInt = String
}
