import ApolloAPI

extension DocentAPI {
  /// A position in a list.
  typealias Cursor = String
}
