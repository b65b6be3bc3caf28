/** What `npm run seed` puts in: the same each time, so that examples and measurements can name it. */

const GIVEN = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Ken", "Frances", "Tim"];
const FAMILY = ["Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov"];
const CITIES = ["London", "Lagos", "Lima", "Lyon", "Lahore"];
const CATEGORIES = ["electronics", "office", "garden", "books", "kitchen"];
const ADJECTIVES = ["Small", "Large", "Quiet", "Bright", "Folding", "Plain", "Sturdy", "Light"];
const THINGS = ["Lamp", "Desk", "Kettle", "Spade", "Notebook"];

function pick(list: readonly string[], index: number): string {
  return list[index % list.length] ?? "";
}

export function seedUsers() {
  return Array.from({ length: 50 }, (_, index) => {
    const given = pick(GIVEN, index);
    const family = pick(FAMILY, Math.floor(index / GIVEN.length));
    return {
      name: `${given} ${family}`,
      email: `${given}.${family}@example.org`.toLowerCase(),
      address: {
        street: `${index + 1} Main Street`,
        city: pick(CITIES, index),
        country: "GB",
        postalCode: `${10_000 + index}`,
      },
      tags: index % 5 === 0 ? ["seed", "staff"] : ["seed"],
    };
  });
}

export function seedProducts() {
  return Array.from({ length: 200 }, (_, index) => ({
    name: `${pick(ADJECTIVES, Math.floor(index / THINGS.length))} ${pick(THINGS, index)} ${index + 1}`,
    category: pick(CATEGORIES, index),
    price: (199 + index * 137) / 100,
    stock: (index * 7) % 100,
  }));
}

export function seedPosts() {
  return Array.from({ length: 100 }, (_, index) => ({
    title: `Note ${index + 1}: ${pick(THINGS, index).toLowerCase()}s`,
    content: `What there is to say about ${pick(ADJECTIVES, index).toLowerCase()} ${pick(THINGS, index).toLowerCase()}s.`,
    /** Which of the users wrote it. */
    author: (index * 3) % 50,
    comments: Array.from({ length: index % 4 }, (_unused, comment) => ({
      content: `Comment ${comment + 1} on note ${index + 1}.`,
      author: (index + comment) % 50,
    })),
  }));
}
