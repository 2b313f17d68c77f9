/** The collection that `serve --sample` brings, and questions that it answers. */
import questions from "../../../../sample/questions.json";

export const SAMPLE = "Sample library";
export const SAMPLE_QUESTIONS = questions.map(({ question }) => question);
