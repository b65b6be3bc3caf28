/** The schema (CONTRACT §4). What the contract leaves open is described in README.md. */
export const TYPE_DEFS = /* GraphQL */ `
  "Any JSON value."
  scalar JSON
  "A file of a multipart request (GraphQL multipart request specification)."
  scalar Upload

  type Query {
    "Users, in order of creation unless sorted: fields joined by ',', '-' turns one round."
    users(limit: Int = 20, page: Int = 1, name: String, email: String, tag: String, sort: String): [User!]!
    user(id: ID!): User
    posts(limit: Int = 20, page: Int = 1, authorId: ID, title: String, sort: String): [Post!]!
    post(id: ID!): Post
    products(
      limit: Int = 20
      page: Int = 1
      category: String
      name: String
      minPrice: Float
      maxPrice: Float
      sort: String
    ): [Product!]!
    product(id: ID!): Product
    "One's own orders; for admins all."
    orders(limit: Int = 20, page: Int = 1, status: OrderStatus, userId: ID, sort: String): [Order!]!
    order(id: ID!): Order
  }

  type Mutation {
    "For admins."
    createUser(input: UserInput!): User!
    "Changes what is given; null removes. For that user and admins."
    updateUser(id: ID!, input: UserPatch!): User!
    "Gives the id of the user who was deleted. For that user and admins."
    deleteUser(id: ID!): ID!
    createPost(input: PostInput!): Post!
    addComment(postId: ID!, content: String!, authorId: ID): Comment!
    "Takes the items out of stock, all or none."
    createOrder(input: OrderInput!): Order!
    "Publishes an event. One with an id and source that came before is stored once."
    publish(
      channel: String!
      type: String!
      data: JSON
      "Bytes in standard base64, instead of data."
      data_base64: String
      id: String
      source: String
      time: String
      datacontenttype: String
    ): Published!
    "Puts a notification into users/{userId}/inbox. For that user and admins."
    sendNotification(userId: ID!, title: String!, body: String, data: JSON): Published!
    "Keeps a picture of a user. For that user and admins."
    uploadAvatar(userId: ID!, file: Upload!): Avatar!
  }

  type Subscription {
    "A channel's events. 'after' is a cursor, 'earliest' or 'latest' (the default)."
    events(channel: String!, after: String): Event!
    "Posts as they are created, of one author or of all."
    postAdded(authorId: ID, after: String): Post!
    "The status of an order, each time it changes."
    orderStatus(orderId: ID!, after: String): OrderStatusChange!
  }

  "A CloudEvent."
  type Event {
    specversion: String!
    id: String!
    source: String!
    type: String!
    time: String!
    "The channel."
    subject: String!
    "The cursor after this event, on every wire; null for what is not stored (everywire.gap, presence, typing)."
    sequence: String
    datacontenttype: String
    dataschema: String
    data: JSON
    "The data, where they are bytes, in standard base64."
    data_base64: String
    "The whole event, with its extension attributes."
    cloudevent: JSON!
  }

  type Published {
    id: String!
    "Null for an event that is not stored."
    sequence: String
    "True where this event had been published before."
    duplicate: Boolean!
  }

  type User {
    id: ID!
    name: String!
    givenName: String!
    familyName: String!
    email: String!
    address: Address
    tags: [String!]!
    createdAt: String!
    posts(limit: Int = 20): [Post!]!
    avatar: Avatar
  }

  type Address {
    street: String
    city: String
    country: String
    postalCode: String
  }

  type Avatar {
    contentType: String!
    "In bytes."
    size: Int!
    "In hexadecimal."
    sha256: String!
    savedAt: String!
    "Where to GET the picture, with the same token."
    url: String!
  }

  type Post {
    id: ID!
    title: String!
    content: String!
    authorId: ID!
    createdAt: String!
    "Null where the author has a token and no record."
    author: User
    comments(limit: Int = 20): [Comment!]!
    "In postAdded, the cursor to resume from; null elsewhere."
    sequence: String
  }

  type Comment {
    id: ID!
    postId: ID!
    authorId: ID!
    content: String!
    createdAt: String!
    author: User
    post: Post
  }

  type Product {
    id: ID!
    name: String!
    category: String!
    price: Float!
    stock: Int!
    createdAt: String!
  }

  type Order {
    id: ID!
    userId: ID!
    user: User
    items: [OrderItem!]!
    total: Float!
    status: OrderStatus!
    createdAt: String!
  }

  "Name and price are the product's when the order was placed."
  type OrderItem {
    productId: ID!
    name: String!
    quantity: Int!
    price: Float!
    "Null where the product was deleted."
    product: Product
  }

  enum OrderStatus {
    pending
    processing
    shipped
    delivered
    cancelled
  }

  type OrderStatusChange {
    orderId: ID!
    status: OrderStatus!
    time: String!
    sequence: String!
  }

  input AddressInput {
    street: String
    city: String
    country: String
    postalCode: String
  }

  input UserInput {
    name: String!
    email: String!
    address: AddressInput
    tags: [String!]
  }

  input UserPatch {
    name: String
    email: String
    address: AddressInput
    tags: [String!]
  }

  input PostInput {
    title: String!
    content: String!
    "The caller, unless an admin says otherwise."
    authorId: ID
  }

  input OrderInput {
    items: [OrderItemInput!]!
    "The caller, unless an admin says otherwise."
    userId: ID
  }

  input OrderItemInput {
    productId: ID!
    quantity: Int!
  }
`;
