export interface PassagePiece {
  id: string;
  index: number;
  content: string;
  tokenCount: number;
  startOffset: number;
  endOffset: number;
  headings: string[];
  page: number | null;
}
