//! Source code as people write it, as much of it as is parsed at all: it fits into what the parser may take.

use std::sync::Arc;

use docent::{chunking, config::ExtractionConfig, domain::chunking::ChunkingStrategy, extract::Extractor};
use futures_util::future::join_all;

use super::{markdown, with_strategy};

/// A little less than the most that is parsed.
const BYTES: usize = (2 << 20) - (4 << 10);

const WORDS: [&str; 8] = ["Harbour", "Tram", "Ferry", "Bridge", "Market", "Castle", "River", "Garden"];

/// Items for each grammar, in which `NAME` stands for a name, `WORD` for a word and `NUMBER` for a number.
const LANGUAGES: [(&str, &str, [&str; 3]); 7] = [
    (
        "rust",
        "use std::collections::HashMap;\n\n",
        [
            r"/// What is known of a NAME.
#[derive(Clone, Debug, PartialEq)]
pub struct NAME<'a, T: Clone> {
    pub name: &'a str,
    pub values: Vec<Option<T>>,
    seen: HashMap<String, (u32, u64)>,
}
",
            r#"impl<'a, T: Clone + Into<u64>> Find for NAME<'a, T> {
    type Error = io::Error;

    /// The first value that is above NUMBER.
    fn find(&mut self, most: usize) -> Result<Option<u64>, Self::Error> {
        let limit = most.saturating_sub(NUMBER).max(self.values.len());
        for (place, value) in self.values.iter().flatten().enumerate().filter(|(place, _)| place % 2 == 0) {
            match value.clone().into() {
                found @ NUMBER.. if place < limit => return Ok(Some(found)),
                0 | 1 => continue,
                other => {
                    let entry = self.seen.entry(format!("{}-{place}", self.name)).or_insert((0, other));
                    entry.0 += 1;
                }
            }
        }
        // There is none.
        self.seen.get("WORD").map_or(Ok(None), |(_, last)| Ok(Some(last * 2 + NUMBER)))
    }
}
"#,
            r#"pub(crate) async fn load_NAME(path: &Path, retries: u8) -> anyhow::Result<Vec<u8>> {
    let mut attempt = 0;
    loop {
        let read = tokio::fs::read(path.join("WORD.json")).await;
        if let Err(error) = &read
            && attempt < retries
        {
            tracing::warn!(%error, attempt, "trying again in {} ms", NUMBER);
            attempt += 1;
            continue;
        }
        return Ok(read?);
    }
}
"#,
        ],
    ),
    (
        "python",
        "import json\nfrom dataclasses import dataclass, field\n\n",
        [
            r#"@dataclass(frozen=True)
class NAME(Base, metaclass=Meta):
    """What is known of a WORD."""

    name: str
    values: dict[str, list[int]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return sum(value for values in self.values.values() for value in values if value % 2 == 0)

    def find(self, most: int = NUMBER, *, strict: bool = False) -> int | None:
        for place, (key, values) in enumerate(sorted(self.values.items())):
            if not values or place > most:
                continue
            elif strict and key.startswith("WORD"):
                raise ValueError(f"{self.name}: {key!r} at {place} is not one of {len(values)}")
            self.values[key] = [value * 2 + 1 for value in values[:NUMBER]]
        return None
"#,
            r#"async def load_NAME(path, retries=3):
    # Tried again a few times.
    for attempt in range(retries):
        try:
            async with open_file(path / "WORD.json", encoding="utf-8") as file:
                data = json.loads(await file.read())
                return {key: tuple(value) for key, value in data.items()}
        except (OSError, json.JSONDecodeError) as error:
            logger.warning("trying again in %d ms: %s", NUMBER, error)
            await sleep(0.1 * 2**attempt)
        finally:
            COUNTS["NAME"] += 1
    return None
"#,
            "NAME_LIMIT = NUMBER\nNAME_NAMES = {\"WORD\": [1, 2, NUMBER], \"other\": [-1, 0.5, None], **DEFAULTS}\n",
        ],
    ),
    (
        "go",
        "package harbour\n\nimport (\n\t\"fmt\"\n\t\"sync\"\n)\n\n",
        [
            r#"// NAME is what is known of a WORD.
type NAME struct {
	mutex  sync.Mutex
	Name   string `json:"name,omitempty"`
	Values map[string][]int64
	next   *NAME
}
"#,
            r#"// Find returns the first value above NUMBER.
func (n *NAME) Find(most int, keys ...string) (int64, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	for place, key := range keys {
		values, ok := n.Values[key]
		if !ok || place > most {
			return 0, fmt.Errorf("%s: no %q among %d values", n.Name, key, len(values))
		}
		switch first := values[0]; {
		case first > NUMBER:
			return first, nil
		case first == 0:
			continue
		default:
			n.Values[key] = append(values[1:], first*2+1)
		}
	}
	return -1, nil
}
"#,
            r#"func loadNAME(paths []string, out chan<- []byte) {
	var group sync.WaitGroup
	for _, path := range paths {
		group.Add(1)
		go func(path string) {
			defer group.Done()
			if data, err := os.ReadFile(path + "/WORD.json"); err == nil && len(data) < NUMBER {
				out <- data
			}
		}(path)
	}
	group.Wait()
}
"#,
        ],
    ),
    (
        "java",
        "package harbour;\n\nimport java.util.*;\n\n",
        [
            r#"/** What is known of a WORD. */
@Entity(name = "WORD")
class NAME<T extends Comparable<T>> extends Base implements Find<T> {
    private static final int LIMIT = NUMBER;
    private final Map<String, List<T>> values = new HashMap<>();

    @Override
    public Optional<T> find(String name, int most) throws NotFoundException {
        for (Map.Entry<String, List<T>> entry : values.entrySet()) {
            if (entry.getKey() == null || entry.getValue().size() > most) {
                throw new NotFoundException(name + ": " + entry.getKey(), LIMIT);
            }
            List<T> sorted = entry.getValue().stream().filter(Objects::nonNull).sorted().toList();
            for (int i = 0; i < sorted.size(); i++) {
                T value = sorted.get(i);
                if (value.compareTo(sorted.get(0)) >= 0 && i % 2 == 0) {
                    return Optional.of(value);
                }
            }
        }
        return Optional.empty();
    }
}
"#,
            r#"enum NAMEState {
    WAITING("WORD", NUMBER), RUNNING("running", 1), DONE("done", 2);

    private final String label;
    private final int rank;

    NAMEState(String label, int rank) {
        this.label = label;
        this.rank = rank;
    }
}
"#,
            r#"interface NAMESource {
    default String load(Path path) {
        try (BufferedReader reader = Files.newBufferedReader(path.resolve("WORD.json"))) {
            return switch (reader.readLine()) {
                case null -> "";
                case "WORD" -> "NUMBER";
                default -> reader.lines().collect(Collectors.joining("\n"));
            };
        } catch (IOException error) {
            log.warn("can't read {}", path, error);
            return null;
        }
    }
}
"#,
        ],
    ),
    (
        "cpp",
        "#include <map>\n#include <vector>\n\n",
        [
            r"// What is known of a WORD.
template <typename T, std::size_t N = NUMBER>
class NAME final : public Base<T> {
public:
    explicit NAME(std::string name) : name_(std::move(name)), values_{} {}
    NAME(const NAME &) = delete;

    [[nodiscard]] std::optional<T> find(const std::string &key, int most) const noexcept override {
        for (const auto &[name, values] : values_) {
            if (name == key && static_cast<int>(values.size()) < most) {
                return values.empty() ? std::nullopt : std::make_optional(values.front());
            }
        }
        return std::nullopt;
    }

private:
    std::string name_;
    std::map<std::string, std::vector<T>> values_;
};
",
            r#"namespace WORD {
static auto load_NAME(const std::filesystem::path &path, int retries) -> std::vector<std::uint8_t> {
    std::vector<std::uint8_t> data(NUMBER);
    for (int attempt = 0; attempt < retries; ++attempt) {
        try {
            std::ifstream file(path / "WORD.json", std::ios::binary);
            std::transform(data.begin(), data.end(), data.begin(), [&](auto byte) { return byte * 2 + attempt; });
            return data;
        } catch (const std::exception &error) {
            std::cerr << "trying again in " << (1 << attempt) << " ms: " << error.what() << '\n';
        }
    }
    return {};
}
} // namespace WORD
"#,
            r"enum class NAMEState : unsigned { Waiting = NUMBER, Running, Done };

inline bool operator<(const NAMEState one, const NAMEState other) {
    return static_cast<unsigned>(one) < static_cast<unsigned>(other);
}
",
        ],
    ),
    (
        "tsx",
        "import { useState } from 'react';\n\n",
        [
            r"type NAMEProps = { name: string; values: readonly number[]; onChoose?: (value: number) => void };
",
            r#"export function NAME({ name, values, onChoose }: NAMEProps): JSX.Element {
  const [chosen, setChosen] = useState<number | null>(null);
  const choose = (value: number) => {
    setChosen(value);
    onChoose?.(value * NUMBER);
  };
  if (values.length === 0) return <p className="empty">No WORD is there.</p>;
  return (
    <section aria-label={`${name} WORD`}>
      <h2>{name} of NUMBER</h2>
      <ul>
        {values.map((value) => (
          <li key={value} className={value === chosen ? 'chosen' : undefined}>
            <button type="button" onClick={() => choose(value)} disabled={value > NUMBER}>
              {value.toFixed(2)} &middot; WORD
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
"#,
            r"export const useNAME = <T,>(load: () => Promise<T>, initial: T): [T, boolean] => {
  const [state, setState] = useState({ value: initial, isLoading: false });
  useEffect(() => {
    let isWanted = true;
    void load().then((value) => isWanted && setState({ value, isLoading: false }));
    return () => {
      isWanted = false;
    };
  }, [load]);
  return [state.value, state.isLoading];
};
",
        ],
    ),
    (
        "typescript",
        "import type { Base } from './base';\n\n",
        [
            r"/** What is known of a WORD. */
export interface NAME<T extends object = Record<string, unknown>> extends Base {
  readonly name: string;
  values: Map<string, T[]>;
  find?(key: keyof T & string, most?: number): T | undefined;
}
",
            r"@injectable()
export class NAMEService implements Find<NAME> {
  private readonly seen = new Set<string>();

  constructor(private readonly source: Source, protected limit: number = NUMBER) {}

  async find(name: string, options: Partial<Options> = {}): Promise<NAME | null> {
    for await (const item of this.source.items<NAME>()) {
      if (this.seen.has(item.name) || options.most! > this.limit) {
        continue;
      }
      this.seen.add(item.name as string);
      const isFound = item.name === name && (options.kinds ?? ['WORD']).some((kind) => kind in item);
      if (isFound) return { ...item, values: new Map([...item.values].slice(0, NUMBER)) };
    }
    return null;
  }
}
",
            r"export type NAMEState = { kind: 'waiting'; since: Date } | { kind: 'done'; value: Awaited<ReturnType<typeof load>> };

export const enum NAMEKind {
  First = NUMBER,
  Second = 'WORD',
}
",
        ],
    ),
];

/// Code of about [`BYTES`], and the number of its items.
fn code(head: &str, items: [&str; 3]) -> (String, usize) {
    let mut code = head.to_owned();
    for number in 0.. {
        let word = WORDS[number % WORDS.len()];
        let item = items[number % items.len()].replace("NAME", &format!("{word}{number}")).replace("WORD", word);
        let item = item.replace("NUMBER", &(number + 2).to_string());
        if code.len() + item.len() >= BYTES {
            return (code, number);
        }
        code.push_str(&item);
        code.push('\n');
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_mebibytes_of_ordinary_code_are_parsed_by_each_grammar() {
    let extractor = Extractor::new(&ExtractionConfig::default(), 2, env!("CARGO_BIN_EXE_docent").into());
    let config = with_strategy(ChunkingStrategy::Code, 256);
    let (extractor, config) = (&extractor, &config);
    // Two at a time, as there are slots.
    join_all(LANGUAGES.map(|(language, head, items)| async move {
        let (code, count) = code(head, items);
        let text = Arc::new(markdown(format!("```{language}\n{code}```\n")));
        let slot = extractor.slot().await.unwrap();
        let outline = chunking::code_outline(&slot, &text, config).await.unwrap();
        assert_eq!(outline.warning(), None, "{language}");
        let parts = outline.parsed[0].parts.len();
        assert!(code.len() > BYTES - (2 << 10) && parts >= count, "{language}: {parts} parts of {count} items");
    }))
    .await;
}
