import { type Compared, DEPTH } from "./figures";
import { decimal, percent } from "./words";

interface QuestionTableProps {
  compared: readonly Compared[];
  shown: number;
  onShow: (index: number) => void;
}

/** All questions with their figures, to choose whose answers are shown. */
export function QuestionTable({ compared, shown, onShow }: QuestionTableProps) {
  return (
    <div className="card table questions-table">
      <table aria-label="Questions">
        <thead>
          <tr><th>Question</th><th className="end">The same</th><th className="end hide-s">τ</th><th className="end">nDCG@{DEPTH} A</th><th className="end">B</th></tr>
        </thead>
        <tbody>
          {compared.map(({ question, figures }, index) => (
            <tr key={question} className={index === shown ? "chosen" : ""}>
              <td><button type="button" className="link break" aria-current={index === shown ? "true" : undefined} onClick={() => { onShow(index); }}>{question}</button></td>
              <td className="num end">{percent(figures?.overlap)}</td>
              <td className="num end hide-s">{decimal(figures?.tau)}</td>
              <td className="num end">{decimal(figures?.ndcg.a)}</td>
              <td className="num end">{decimal(figures?.ndcg.b)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
