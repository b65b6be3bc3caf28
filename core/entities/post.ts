import * as z from "zod";
import { idField, lineField, textField, timestampField } from "./fields.ts";

const MAX_CONTENT_LENGTH = 50_000;
const MAX_COMMENT_LENGTH = 10_000;

/** `authorId` is the caller unless an admin says otherwise. */
export const postInputSchema = z.object({
  title: lineField(200),
  content: textField(MAX_CONTENT_LENGTH),
  authorId: idField.optional(),
});

export const postSchema = z.object({
  id: idField,
  title: z.string(),
  content: z.string(),
  authorId: idField,
  createdAt: timestampField,
});

export type PostInput = z.output<typeof postInputSchema>;
export type Post = z.infer<typeof postSchema>;

export const commentInputSchema = z.object({
  content: z.string().min(1).max(MAX_COMMENT_LENGTH).regex(/\S/, "Must not be blank"),
  authorId: idField.optional(),
});

export const commentSchema = z.object({
  id: idField,
  postId: idField,
  authorId: idField,
  content: z.string(),
  createdAt: timestampField,
});

export type CommentInput = z.output<typeof commentInputSchema>;
export type Comment = z.infer<typeof commentSchema>;
